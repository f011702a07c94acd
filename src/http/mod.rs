//! HTTP: thin routes over the rest of the server. Each refusal has its status beside it in `refusals`.

mod address;
mod api;
mod canned;
mod cors;
mod crowd;
mod load_test;
mod ops;
mod pages;
mod pictures;
mod principal;
mod probe;
mod refusals;
mod sessions;
mod status;
mod tickets;
mod verdicts;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

pub use address::{ClientAddress, Https, host_is_local, origin_allowed, own_origin};
pub use api::openapi_json;
pub use principal::{has_api_key, session_cookie};
pub use refusals::ApiRefusal;

use crate::app::App;
use crate::ws;

/// All routes of a node.
pub fn app(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/ws", get(ws::upgrade))
        .merge(api::router())
        .merge(status::router())
        .merge(pages::router())
        .merge(sessions::demo_facts_router());
    if app.demo {
        router = router.merge(sessions::demo_router());
    }
    let mut router = router.with_state(Arc::clone(&app));
    if app.demo {
        router = crate::demo::with_faults(router.merge(crate::demo::stream_router()), &app);
    }
    router.layer(axum::middleware::map_request(address::with_host))
}
