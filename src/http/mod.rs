//! Routes, sign-in, server-sent events, problem documents, OpenAPI. No SQL, no domain decisions.
pub mod problem;
pub mod request_id;
