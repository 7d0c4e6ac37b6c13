/** The daemon cannot start because somebody else has what it needs: the port or the card. */
export class StartError extends Error {}
