/** How many cases a property is tried with: `quick` of them, or as many as FUZZ_CASES says (`npm run fuzz`). */
export const cases = (quick = 100): { numRuns: number } => ({ numRuns: Number(process.env.FUZZ_CASES ?? quick) });
