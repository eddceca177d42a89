/** Heroku's router errors that this router can meet: what the log says and what the visitor gets (error-codes article). */
export const ROUTER_ERRORS = {
  H10: { desc: 'App crashed', at: 'error', status: 503 },
  H12: { desc: 'Request timeout', at: 'error', status: 503 },
  H13: { desc: 'Connection closed without response', at: 'error', status: 503 },
  H14: { desc: 'No web processes running', at: 'error', status: 503 },
  H17: { desc: 'Poorly formatted HTTP response', at: 'error', status: 503 },
  H18: { desc: 'Server Request Interrupted', at: 'error', status: 503 },
  H19: { desc: 'Backend connection timeout', at: 'error', status: 503 },
  H20: { desc: 'App boot timeout', at: 'error', status: 503 },
  H21: { desc: 'Backend connection refused', at: 'error', status: 503 },
  H27: { desc: 'Client Request Interrupted', at: 'warning', status: 499 },
  H34: { desc: 'All up dynos are quarantined', at: 'error', status: 503 },
  H80: { desc: 'Maintenance mode', at: 'info', status: 503 },
  H81: { desc: 'Blank app', at: 'error', status: 502 },
  H99: { desc: 'Platform error', at: 'error', status: 503 },
} as const;

export type RouterError = keyof typeof ROUTER_ERRORS;

/** The page that visitors see. Heroku's does not name the code either. */
export function errorPage(code: RouterError): string {
  const [title, text] =
    code === 'H80'
      ? ['Offline for Maintenance', 'This application is undergoing maintenance right now. Please check back later.']
      : [
          'Application error',
          'An error occurred in the application and your page could not be served. If you are the application owner, ' +
            'check your logs for details.',
        ];
  return `<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1><p>${text}</p></body></html>
`;
}
