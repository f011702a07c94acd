//! The routes of `/api/v1` and their OpenAPI description.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, options};
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{canned, cors, crowd, load_test, ops, pictures, principal, probe, sessions, tickets, verdicts};
use crate::app::App;

/// Head of the description; the paths come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Sightline", description = "Tickets, calls and their measurements.", license(name = "MIT OR Apache-2.0")),
    modifiers(&Security),
    security(("api_key" = []), ("session" = []))
)]
struct Head;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "api_key",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
        let viewer =
            ApiKeyValue::with_description("Authorization", "`Viewer KEY` with the key of the viewer's conversation");
        components.add_security_scheme("viewer_key", SecurityScheme::ApiKey(ApiKey::Header(viewer)));
        let cookie = ApiKey::Cookie(ApiKeyValue::new(principal::COOKIE));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(sessions::sign_in, sessions::who, sessions::sign_out))
        .routes(routes!(tickets::list))
        .routes(routes!(tickets::one))
        .routes(routes!(tickets::player))
        .routes(routes!(tickets::telemetry_file))
        .routes(routes!(verdicts::diagnosis))
        .routes(routes!(verdicts::word))
        .routes(routes!(verdicts::accuracy))
        .routes(routes!(verdicts::preflight))
        .routes(routes!(verdicts::pin))
        .routes(routes!(probe::probe))
        .routes(routes!(crowd::beacon))
        .routes(routes!(crowd::incidents))
        .routes(routes!(tickets::token))
        .routes(routes!(ops::ops))
        .routes(routes!(load_test::make))
        .routes(routes!(load_test::remove))
        .routes(routes!(pictures::upload))
        .routes(routes!(pictures::download))
        .merge(canned_replies())
}

fn canned_replies() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(canned::list, canned::add))
        .routes(routes!(canned::change, canned::remove))
        .layer(DefaultBodyLimit::max(canned::BODY_BYTES_MAX))
}

/// The routes of the API.
pub(super) fn router() -> Router<Arc<App>> {
    let (router, document) = described().split_for_parts();
    router
        .route("/api/v1/pictures", options(cors::preflight))
        .route("/api/v1/beacons", options(cors::preflight))
        .route("/api/v1/pictures/{id}", options(cors::preflight))
        .route("/api/openapi.json", get(move || async move { Json(document) }))
        .layer(DefaultBodyLimit::max(sessions::BODY_BYTES_MAX))
}

/// The description as JSON, for `sightline openapi` and tests.
///
/// # Errors
/// When it cannot be serialised.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    described().split_for_parts().1.to_pretty_json()
}
