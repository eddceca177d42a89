/** What a server answered; `json` null when it sent none. */
export type Reply = { status: number; headers: Headers; text: string; json: unknown };
export type Call = { of: string; url: string; token: string; form?: Record<string, string>; accept?: string };
export type Ask = (call: Call) => Promise<Reply>;

/** Longest wait for one answer, ms. */
const WITHIN_MS = 10_000;

/**
 * Asks once, without the patience that a deploy needs, and reads each answer's `Date`: `ahead` is by how many ms the
 * server's clock is before ours. Throws in words when there is no answer.
 */
export function createAsk(withinMs = WITHIN_MS): { ask: Ask; ahead: ReadonlyMap<string, number> } {
  const ahead = new Map<string, number>();
  const ask: Ask = async ({ of, url, token, form, accept = 'application/json' }) => {
    const sent = Date.now();
    const headers = { authorization: `Bearer ${token}`, accept, 'user-agent': 'switchover' };
    const signal = AbortSignal.timeout(withinMs);
    const body = form && { method: 'POST', body: new URLSearchParams(form) };
    const { response, text } = await fetch(url, { ...body, headers, signal, redirect: 'manual' })
      .then(async response => ({ response, text: await response.text() }))
      .catch(error => Promise.reject(unheard(of, error, withinMs)));
    const date = Date.parse(response.headers.get('date') ?? '');
    // A Date is cut to whole seconds.
    if (!Number.isNaN(date)) ahead.set(of, date + 500 - (sent + Date.now()) / 2);
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  };
  return { ask, ahead };
}

function unheard(of: string, error: unknown, withinMs: number): Error {
  if (error instanceof Error && error.name === 'TimeoutError')
    return new Error(`${of} did not answer within ${withinMs / 1000} s`);
  // The message of fetch itself says nothing, and the address in its cause may hold a password.
  const { cause } = error as { cause?: { code?: string } };
  return new Error(`${of} cannot be reached (${cause?.code ?? 'no connection'})`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
