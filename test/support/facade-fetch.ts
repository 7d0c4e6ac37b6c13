/** Where a client's generating call is to go. */
export interface Facade {
  /** The façade path at the broker, such as `http://127.0.0.1:8770/v1/llm`. */
  readonly url: string;
  /** Path of that call at the server itself, such as `/api/chat`. */
  readonly path: string;
}

/**
 * A `fetch` for a client whose base address is the server's own: its generating call goes to the broker, everything else to the server.
 * Nothing but the address is changed.
 */
export function facadeFetch({ url, path }: Facade): typeof fetch {
  return async (input, init) => {
    const wanted = new URL(input instanceof Request ? input.url : input);
    const isGenerating = init?.method === 'POST' && wanted.pathname === path;
    return fetch(isGenerating ? url + wanted.search : input, init);
  };
}
