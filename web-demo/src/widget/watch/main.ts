// The watch's module: loaded by the loader when the host's page is idle, so that the page carries no more than the loader
// before that.

import { PageWatch } from '../../client/watch/page-watch.ts';
import { type OfferHost, offerHelp } from './offer.ts';

/** Makes a watch that is not started. With `offers` help is offered after sustained stalls. */
export function createWatch(offers: OfferHost | null): PageWatch {
  const watch = new PageWatch();
  if (offers) offerHelp(watch, offers);
  return watch;
}
