//! Who is asking: an API key or a signed-in session, as `Authorization: Bearer …`. Resolved anew for every request, so a
//! revoked key or a changed role counts at once. The organisation comes from the credential, never from the request.
use super::limits::SESSION_PER_MINUTE;
use super::problem::Problem;
use super::request_id;
use super::state::Server;
use crate::access::{Actor, Credential, Surface};
use crate::db::credentials::{self, SignedIn};
use crate::drafts::StepUp;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use uuid::Uuid;

/// The authenticated member of a request.
pub struct Caller(pub Actor);

/// The same, with whether the member confirmed freshly to be the one, in the session that sends the request.
pub struct SignedInCaller {
    pub actor: Actor,
    pub step_up: StepUp,
}

/// How long a confirmation is fresh.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

impl FromRequestParts<Server> for SignedInCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Problem> {
        let SignedIn { actor, stepped_up_at, .. } = sign_in(parts, server).await?;
        let now = server.app.clock.now();
        let fresh = stepped_up_at.is_some_and(|at| at <= now && now.duration_since(at) <= FRESH);
        Ok(Self { actor, step_up: if fresh { StepUp::Confirmed } else { StepUp::No } })
    }
}

impl FromRequestParts<Server> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Problem> {
        Ok(Self(sign_in(parts, server).await?.actor))
    }
}

async fn sign_in(parts: &Parts, server: &Server) -> Result<SignedIn, Problem> {
    let signed_in = identify(parts, server).await?;
    let (who, per_minute) = bucket_of(&signed_in);
    server.limits.take(who, per_minute)?;
    Ok(signed_in)
}

/// Whose bucket a request is taken from, and how much it holds.
pub fn bucket_of(signed_in: &SignedIn) -> (Uuid, u32) {
    match signed_in.actor.credential {
        Credential::Session => (signed_in.actor.member.0, SESSION_PER_MINUTE),
        Credential::ApiKey(key) => {
            let allowed = signed_in.per_minute.and_then(|n| u32::try_from(n).ok());
            (key.0, allowed.unwrap_or(SESSION_PER_MINUTE))
        }
    }
}

/// Who is asking; the request is not counted yet.
pub async fn identify(parts: &Parts, server: &Server) -> Result<SignedIn, Problem> {
    let token = bearer(&parts.headers)?;
    let address = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |info| info.0.ip().to_canonical());
    server.limits.may_try(address, token.text.expose_secret())?;
    let now = server.app.clock.now();
    let db = &server.app.db;
    // Sessions have a prefix of their own; a key chosen by the operator may have none.
    let signed_in = if token.is_session {
        credentials::sign_in_with_session(db, &token.text, Surface::Http, now).await?
    } else {
        credentials::sign_in_with_key(db, &token.text, Surface::Http, now).await?
    };
    server.limits.tried(address, token.text.expose_secret(), signed_in.is_some());
    let mut signed_in = signed_in.ok_or_else(invalid)?;
    signed_in.actor.request_id = request_id::current();
    Ok(signed_in)
}

struct Token {
    text: SecretString,
    is_session: bool,
}

fn bearer(headers: &HeaderMap) -> Result<Token, Problem> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "auth.missing",
            "Send an API key or a session as `Authorization: Bearer …`. `adjutant key create` makes a key.",
        )
    })?;
    let text = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(invalid)?;
    Ok(Token { text: SecretString::from(text.to_owned()), is_session: text.starts_with("ses_") })
}

/// One answer for unknown, expired and revoked: which it was is nobody's business.
fn invalid() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "auth.invalid",
        "This key or session is not valid: unknown, expired or revoked. Ask an administrator for a new one.",
    )
}
