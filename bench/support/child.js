/**
 * The side of a bench process that is asked: answers each `{id, ask, with}` by the handler of that name. It ends with its
 * parent, so that a bench that is cut leaves nothing behind.
 */
export function answerParent(handlers) {
  process.on('message', async ({ id, ask, with: input }) => {
    try {
      const result = await handlers[ask](input);
      process.send({ id, result });
    } catch (error) {
      process.send({ id, error: error instanceof Error ? error.stack : String(error) });
    }
  });
  // Not killed by the signal: a profile is written at the exit.
  for (const event of ['disconnect', 'SIGTERM']) process.once(event, () => process.exit());
  process.send({ id: 0, result: 'ready' });
}
