/**
 * The times in which no server worked, between the first and the last work of a record: what came after each, the same server
 * again, another one whose model was there, or a load. Lines as `readWork` gives them, of work that does not overlap.
 */
export function gapsIn(lines) {
  const gaps = [];
  let [open, last] = [0, null];
  for (const line of lines) {
    if (line.event === 'begin') {
      if (open === 0 && last !== null) gaps.push({ before: beforeOf(line, last), ms: line.at - last.at });
      open += 1;
    } else if (line.event === 'end') {
      open -= 1;
      last = line;
    }
  }
  return gaps;
}

function beforeOf({ server, job }, last) {
  if (job === 'load') return 'a load';
  return server === last.server ? 'the same server' : 'another server';
}
