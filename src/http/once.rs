//! `Idempotency-Key` on a POST: the same key and body get the same reply for a day; another body is refused.
use super::problem::Problem;
use super::state::Server;
use crate::access::{Actor, Permission};
use crate::db::idempotency::{self, Reply};
use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::future::Future;

/// The caller's key, if it sent a usable one.
pub fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=200).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Problem::bad_request(
            "idempotency.key",
            "An Idempotency-Key has 1 to 200 visible ASCII characters.",
        )),
    }
}

/// Does `act` once for a key, which is taken before it begins: of two requests at the same time one is told to come back.
/// Only successes are kept: after an error the caller may try again under the same key.
pub async fn once<T: Serialize>(
    server: &Server,
    actor: &Actor,
    headers: &HeaderMap,
    scope: &str,
    body: &impl Serialize,
    act: impl Future<Output = Result<(StatusCode, T), Problem>>,
) -> Result<Response, Problem> {
    let Some(key) = key(headers)? else {
        let (status, reply) = act.await?;
        return Ok((status, Json(reply)).into_response());
    };
    // What was answered once is not told to somebody who may no longer read it.
    actor.require(Permission::DraftRead)?;
    let db = &server.app.db;
    let now = server.app.clock.now();
    let scope = format!("{}:{scope}", actor.member);
    let body_hash = hash(body)?.to_vec();
    let mut tx = db.org(actor.org).await?;
    let ours = idempotency::reserve(&mut tx, actor.org, &scope, key, &body_hash, now).await?;
    let known = if ours { None } else { idempotency::find(&mut tx, actor.org, &scope, key, now).await? };
    tx.commit().await?;
    if !ours {
        return answered(known, &body_hash);
    }
    let acted = act.await;
    let mut tx = db.org(actor.org).await?;
    let (status, reply) = match acted {
        Ok(done) => done,
        Err(problem) => {
            idempotency::release(&mut tx, actor.org, &scope, key).await?;
            tx.commit().await?;
            return Err(problem);
        }
    };
    let reply = serde_json::to_value(reply).map_err(|e| Problem::internal(&e))?;
    let kept = Reply { body_hash, status: i32::from(status.as_u16()), reply };
    idempotency::keep(&mut tx, actor.org, &scope, key, &kept, now).await?;
    tx.commit().await?;
    Ok((status, Json(kept.reply)).into_response())
}

/// What tells one body from another.
pub fn hash(body: &impl Serialize) -> Result<[u8; 32], Problem> {
    let body = serde_json::to_vec(body).map_err(|e| Problem::internal(&e))?;
    Ok(Sha256::digest(body).into())
}

/// The answer to a request whose key is taken.
fn answered(known: Option<Reply>, body_hash: &[u8]) -> Result<Response, Problem> {
    let known = known.filter(|known| known.status != 0 || known.body_hash != body_hash);
    let Some(known) = known else {
        let text = "The same request is being carried out. Send it again in a moment for its reply.";
        return Err(Problem::new(StatusCode::CONFLICT, "idempotency.in_progress", text).with_retry_after(1));
    };
    if known.body_hash != body_hash {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency.mismatch",
            "This Idempotency-Key was used with another body. Use a new key for a new request.",
        ));
    }
    let status = u16::try_from(known.status).ok().and_then(|s| StatusCode::from_u16(s).ok());
    Ok((status.unwrap_or(StatusCode::OK), Json(known.reply)).into_response())
}
