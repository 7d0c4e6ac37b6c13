// Loaded into the daemon by `--import`: it ends with the bench that started it. The daemon itself is unchanged.
process.once('disconnect', () => process.exit());
// The listener alone would keep the process alive.
process.channel?.unref();
