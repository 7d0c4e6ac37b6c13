import type { PlannedConsumer, Snapshot } from './snapshot.ts';

/** The card as it will be when what we have under way has ended well; only the work of `others` goes on. */
export function afterOurWork(snapshot: Snapshot, others: ReadonlySet<string>): Snapshot {
  const ended = (consumer: PlannedConsumer): PlannedConsumer => {
    const residency = isComing(consumer) ? 'resident' : consumer.residency;
    // A promise whose part that is kept already nobody can tell would count twice from the next sample on.
    const promised = consumer.promised && consumer.usedMib !== null;
    // Whose work ends is the last that anybody would unload.
    const lastUsedAt = consumer.busy ? snapshot.now : consumer.lastUsedAt;
    return { ...consumer, residency, promised, lastUsedAt, busy: others.has(consumer.name) || residency === 'unloading' };
  };
  return { ...snapshot, consumers: snapshot.consumers.map(ended) };
}

/** Also one that was let in and loads itself: until a probe has seen its weights it counts as absent. */
function isComing({ residency, promised, busy }: PlannedConsumer): boolean {
  return residency === 'loading' || (residency === 'absent' && promised && busy);
}
