import type { EventType, Occurrence, Witness } from '../../lib/core/events.ts';

/** A witness that keeps what it is told. */
export class FakeWitness implements Witness {
  readonly told: Occurrence[] = [];

  note(occurrence: Occurrence): void {
    this.told.push(occurrence);
  }

  get types(): EventType[] {
    return this.told.map(({ type }) => type);
  }

  /** What was told of one type, oldest first. */
  of<T extends EventType>(type: T): Extract<Occurrence, { type: T }>[] {
    const isOne = (each: Occurrence): each is Extract<Occurrence, { type: T }> => each.type === type;
    return this.told.filter(isOne);
  }
}
