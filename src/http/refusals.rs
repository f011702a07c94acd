//! Refusals with their HTTP status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use signaling::api::ApiError;
use signaling::wire::{ErrorCode, Refusal};

/// A refusal as an HTTP answer.
#[derive(Debug)]
pub struct ApiRefusal(pub Refusal);

impl ApiRefusal {
    /// A refusal with the given code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Refusal::new(code, message))
    }
}

impl From<Refusal> for ApiRefusal {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for ApiRefusal {
    fn into_response(self) -> Response {
        let status = status_of(self.0.code);
        let body = Json(ApiError { code: self.0.code, message: self.0.message });
        let mut response = (status, body).into_response();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Malformed
        | ErrorCode::UnknownMessage
        | ErrorCode::Invalid
        | ErrorCode::BadSdp
        | ErrorCode::Version => StatusCode::BAD_REQUEST,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::OutOfOrder | ErrorCode::Taken | ErrorCode::ViewerOffline | ErrorCode::CallRunning => {
            StatusCode::CONFLICT
        }
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::Origin => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
