/**
 * How many cases a property is tried with: `quick` of them, or as many as FUZZ_CASES says (`npm run fuzz`), where so many
 * properties `share` one subject each its part.
 */
export function cases(quick = 100, share = 1): { numRuns: number } {
  const soak = Number(process.env.FUZZ_CASES ?? 0);
  return { numRuns: soak > 0 ? Math.ceil(soak / share) : quick };
}
