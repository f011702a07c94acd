// What the recorder uses of contents.mjs.

/** Makes the contents that `cache` lacks; their folder. `said` is told what goes on. */
export function makeContents(cache: string, contents?: string[], said?: (text: string) => void): Promise<string>;
