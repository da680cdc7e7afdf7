//! Access tokens that live an hour: fetched when first needed, fetched once again when a platform says that they died.
use super::client::{Ask, Payload, Reply};
use super::contract::Ctx;
use super::fault::{Code, ConnectorError};
use super::shape;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

/// A token is fetched anew so long before its end (`connectors.md` §1.9).
const EARLY: SignedDuration = SignedDuration::from_mins(5);

#[derive(Clone)]
pub struct Token {
    value: SecretString,
    until: Timestamp,
    /// When the consent behind it ends, where the platform tells.
    consent_until: Option<Timestamp>,
}

/// When the consent of the connection ends, as the token of this run told.
pub async fn consent_until(cx: &Ctx) -> Option<Timestamp> {
    cx.token.lock().await.as_ref()?.consent_until
}

/// Sends with an access token. A refused token is fetched anew once; a second refusal is for a person.
pub async fn send(
    cx: &Ctx,
    build: impl Fn(&SecretString) -> Result<Ask, ConnectorError>,
) -> Result<Reply, ConnectorError> {
    send_at(cx, "token", build).await
}

/// The same, where tokens are issued at another path of the host `AUTH`.
pub async fn send_at(
    cx: &Ctx,
    path: &str,
    build: impl Fn(&SecretString) -> Result<Ask, ConnectorError>,
) -> Result<Reply, ConnectorError> {
    let token = token(cx, path, None).await?;
    match cx.http.send(&build(&token)?).await {
        Err(error) if error.code == Code::Invalid => {}
        other => return other,
    }
    let token = self::token(cx, path, Some(&token)).await?;
    cx.http.send(&build(&token)?).await.map_err(|error| {
        if error.code != Code::Invalid {
            return error;
        }
        let advice = "connect the account again: its consent was withdrawn or its token is too old";
        cx.error(Code::Expired, "a fresh access token was refused too", advice)
    })
}

/// The token of this run, but not `refused`.
async fn token(cx: &Ctx, path: &str, refused: Option<&SecretString>) -> Result<SecretString, ConnectorError> {
    let mut held = cx.token.lock().await;
    let early = cx.clock.now().checked_add(EARLY).unwrap_or(Timestamp::MAX);
    if let Some(token) = held.as_ref().filter(|token| early < token.until)
        && refused.is_none_or(|refused| refused.expose_secret() != token.value.expose_secret())
    {
        return Ok(token.value.clone());
    }
    let fresh = refresh(cx, path).await?;
    let value = fresh.value.clone();
    *held = Some(fresh);
    Ok(value)
}

/// Exchanges the refresh token of the connection (RFC 6749 §6).
async fn refresh(cx: &Ctx, path: &str) -> Result<Token, ConnectorError> {
    let form = Payload::Form(vec![
        ("grant_type", SecretString::from("refresh_token")),
        ("client_id", SecretString::from(cx.needed("client_id")?.to_owned())),
        ("client_secret", cx.secret("client_secret")?.clone()),
        ("refresh_token", cx.secret("refresh_token")?.clone()),
    ]);
    let reply = cx.http.send(&Ask::post(cx.url("AUTH", path)?, form)).await.map_err(|error| {
        // `invalid_grant` comes as 400, a wrong client as 401.
        if !matches!(error.code, Code::Request | Code::Invalid) {
            return error;
        }
        let advice = "connect the account again: its consent was withdrawn or its token is too old";
        cx.error(Code::Expired, "the refresh token was refused", advice)
    })?;
    let odd = || {
        cx.error(Code::Unavailable, "the token service answered something else", "the next run tries again")
    };
    let body = shape::json(&reply.body).map_err(|_| odd())?;
    let value = shape::text(&body, "access_token").map_err(|_| odd())?;
    let seconds = shape::count(body.get("expires_in")).unwrap_or(3600);
    let after =
        |seconds| cx.clock.now().checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    let until = after(seconds);
    let consent_until =
        shape::count(body.get("refresh_token_expires_in")).filter(|seconds| *seconds > 0).map(after);
    let value = SecretString::from(value.to_owned());
    cx.voice.keep(value.clone());
    Ok(Token { value, until, consent_until })
}
