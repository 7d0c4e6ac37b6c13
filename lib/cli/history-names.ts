/** What is kept. */
export const HISTORIES = ['exchanges', 'evictions', 'loads', 'health', 'config', 'vram'] as const;
