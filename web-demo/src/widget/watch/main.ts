// The watch's module: loaded by the loader when the host's page is idle, so that the page carries no more than the loader
// before that.

import { PageWatch } from '../../client/watch/page-watch.ts';

/** Makes a watch that is not started. */
export function createWatch(): PageWatch {
  return new PageWatch();
}
