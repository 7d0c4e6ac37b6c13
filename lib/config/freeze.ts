/** Freezes a value and everything in it. A Map loses its ways to change, too, which freezing alone leaves it. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) closeMap(value);
  Object.freeze(value);
  const members = value instanceof Map ? value.values() : Object.values(value);
  for (const member of members) deepFreeze(member);
  return value;
}

function closeMap(map: Map<unknown, unknown>): void {
  for (const method of ['set', 'delete', 'clear']) Object.defineProperty(map, method, { value: refuse });
}

function refuse(): never {
  throw new TypeError('the configuration cannot be changed');
}
