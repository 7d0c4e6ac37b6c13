/** A consumer's footprint as configured and as measured, MiB; null: none. */
export interface Footprint {
  readonly declaredMib: number | null;
  readonly measuredMib: number | null;
}

/** A declared footprint that is off by more than this share of itself is reported. */
const TOLERATED = 0.25;

/** What the status says of a footprint. `vram_budget_mib` is the one that plans use. */
export function footprintReport({ declaredMib, measuredMib }: Footprint): Record<string, number | string | null> {
  const budgetMib = declaredMib ?? measuredMib;
  return {
    vram_budget_mib: budgetMib === null ? null : Math.round(budgetMib),
    vram_budget_source: declaredMib !== null ? 'declared' : measuredMib !== null ? 'measured' : null,
    vram_measured_mib: measuredMib === null ? null : Math.round(measuredMib),
    ...warning({ declaredMib, measuredMib }),
  };
}

function warning({ declaredMib, measuredMib }: Footprint): Record<string, string> {
  if (declaredMib === null || measuredMib === null || Math.abs(measuredMib - declaredMib) <= TOLERATED * declaredMib) return {};
  return { vram_warning: `vram_resident_mib is ${declaredMib}, but ${Math.round(measuredMib)} MiB were measured` };
}
