/** Whether an address, as a socket gives it, is this machine's own: behind it are many programs. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address);
}
