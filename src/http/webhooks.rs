//! `/api/webhooks`: other programs that are told what happens here (`events.md` §12).
use super::address::{Path, Query};
use super::auth::Caller;
use super::body::Body;
use super::problem::Problem;
use super::state::Server;
use crate::access::{Actor, Permission};
use crate::db::OrgTx;
use crate::db::audit::{self, NewEntry};
use crate::db::vault::{Keyring, VaultError};
use crate::db::webhooks::deliveries::{self, Delivery, DeliveryState};
use crate::db::webhooks::endpoints::{self, DisabledReason, Endpoint, SECRET, Sealed, SecretsError, Wanted};
use crate::db::webhooks::{self as rows, Message, MessageType};
use crate::ids::{WebhookId, new_uuid};
use crate::webhooks::{MOST_ENDPOINTS, WebhookFault, check_types, check_url, new_secret};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

const LONGEST_DESCRIPTION: usize = 255;
const MOST_SHOWN: i64 = 200;

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// https and public, unless the operator named its host in `[webhooks] allow_hosts`.
    pub url: String,
    /// Types of messages, or `*` for all, also those to come.
    pub types: Vec<String>,
    #[serde(default)]
    pub description: String,
}

/// What is left out stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWebhook {
    pub url: Option<String>,
    pub types: Option<Vec<String>>,
    pub description: Option<String>,
    /// `false`: nothing is sent any more, and what waits is given up.
    pub enabled: Option<bool>,
}

/// An endpoint with its secret, which is shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WithSecret {
    #[serde(flatten)]
    pub webhook: Endpoint,
    /// `whsec_…`: what follows, decoded from base64, is the key of the signatures.
    pub secret: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Webhooks {
    pub webhooks: Vec<Endpoint>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Queued {
    #[schema(value_type = String, format = Uuid)]
    pub message_id: Uuid,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Deliveries {
    pub deliveries: Vec<Delivery>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `queued`, `done` or `failed`; all without it.
    pub state: Option<DeliveryState>,
    /// 1 to 200; 50 without it.
    pub limit: Option<i64>,
}

impl From<WebhookFault> for Problem {
    fn from(fault: WebhookFault) -> Self {
        let code = match fault {
            WebhookFault::NoTypes | WebhookFault::UnknownType(..) => "webhook.types",
            WebhookFault::Url(_)
            | WebhookFault::TooLong
            | WebhookFault::Credentials
            | WebhookFault::Private => "webhook.url",
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, fault.to_string())
    }
}

/// Without a key nothing can be sealed: the operator's to mend.
fn no_key(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a secret of a webhook cannot be sealed or opened");
    let text = "The server has no master key to keep the secret with. Its operator sets ADJUTANT_MASTER_KEY.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "webhook.no_key", text)
}

fn keys(server: &Server) -> Result<Keyring, Problem> {
    (server.webhooks.keys)().map_err(|error| no_key(&error))
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        no_key(&error)
    }
}

async fn found(tx: &mut OrgTx, actor: &Actor, id: WebhookId) -> Result<Endpoint, Problem> {
    endpoints::find(tx, actor.org, id).await?.ok_or_else(|| Problem::not_found("webhook"))
}

fn described(text: &str) -> Result<&str, Problem> {
    if text.chars().count() <= LONGEST_DESCRIPTION {
        return Ok(text);
    }
    let text = format!("A description has at most {LONGEST_DESCRIPTION} characters.");
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "webhook.description", text))
}

/// List webhooks
#[utoipa::path(get, path = "/api/webhooks", tag = "webhooks", responses(
    (status = 200, description = "Where messages are sent, without the secrets", body = Webhooks),
    (status = 403, description = "webhook.manage is required", body = Problem)))]
pub async fn list(State(server): State<Server>, Caller(actor): Caller) -> Result<Json<Webhooks>, Problem> {
    actor.require(Permission::WebhookManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    Ok(Json(Webhooks { webhooks: endpoints::list(&mut tx, actor.org).await? }))
}

/// Add a webhook
#[utoipa::path(post, path = "/api/webhooks", tag = "webhooks", request_body = NewWebhook, responses(
    (status = 201, description = "Added; the secret is shown this once", body = WithSecret),
    (status = 403, description = "webhook.manage is required", body = Problem),
    (status = 409, description = "`webhook.too_many`", body = Problem),
    (status = 422, description = "`webhook.url`, `webhook.types`, `webhook.description`", body = Problem),
    (status = 503, description = "`webhook.no_key`: the server has no master key", body = Problem)))]
pub async fn add(
    State(server): State<Server>,
    Caller(actor): Caller,
    Body(new): Body<NewWebhook>,
) -> Result<(StatusCode, Json<WithSecret>), Problem> {
    actor.require(Permission::WebhookManage)?;
    let url = check_url(&new.url, &server.webhooks.allowed)?;
    let types = check_types(&new.types)?;
    let keys = keys(&server)?;
    let (now, id) = (server.app.clock.now(), WebhookId::new(&*server.app.clock));
    let secret = new_secret(&mut rand::rng());
    let sealed = keys.seal(&id.to_string(), SECRET, &secret, &mut rand::rng())?;
    let wanted = Wanted { url: url.as_str(), description: described(&new.description)?, types: &types };
    let mut tx = server.app.db.org(actor.org).await?;
    endpoints::hold_list(&mut tx, actor.org).await?;
    if endpoints::list(&mut tx, actor.org).await?.len() >= MOST_ENDPOINTS {
        let text =
            format!("There are {MOST_ENDPOINTS} webhooks already; remove one that is not needed any more.");
        return Err(Problem::new(StatusCode::CONFLICT, "webhook.too_many", text));
    }
    let sealed = Sealed { secret: &sealed, key_id: keys.key_id() };
    endpoints::create(&mut tx, actor.org, id, &wanted, &sealed, actor.member, now).await?;
    let webhook = found(&mut tx, &actor, id).await?;
    record(&mut tx, &actor, "webhook.created", &webhook, now).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(WithSecret { webhook, secret: secret.expose_secret().to_owned() })))
}

/// One webhook
#[utoipa::path(get, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = WebhookId, Path)), responses(
    (status = 200, description = "Without the secret", body = Endpoint),
    (status = 404, description = "There is no such webhook", body = Problem)))]
pub async fn read(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
) -> Result<Json<Endpoint>, Problem> {
    actor.require(Permission::WebhookManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    Ok(Json(found(&mut tx, &actor, id).await?))
}

/// Change a webhook
#[utoipa::path(patch, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = WebhookId, Path)),
    request_body = ChangeWebhook, responses(
    (status = 200, description = "Changed", body = Endpoint),
    (status = 404, description = "There is no such webhook", body = Problem),
    (status = 422, description = "`webhook.url`, `webhook.types`, `webhook.description`", body = Problem)))]
pub async fn change(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
    Body(change): Body<ChangeWebhook>,
) -> Result<Json<Endpoint>, Problem> {
    actor.require(Permission::WebhookManage)?;
    let url = change.url.as_deref().map(|url| check_url(url, &server.webhooks.allowed)).transpose()?;
    let types = change.types.as_deref().map(check_types).transpose()?;
    let description = change.description.as_deref().map(described).transpose()?;
    let now = server.app.clock.now();
    let mut tx = server.app.db.org(actor.org).await?;
    let before = found(&mut tx, &actor, id).await?;
    let wanted = Wanted {
        url: url.as_ref().map_or(&before.url, url::Url::as_str),
        description: description.unwrap_or(&before.description),
        types: types.as_ref().unwrap_or(&before.types),
    };
    endpoints::change(&mut tx, actor.org, id, &wanted, now).await?;
    match change.enabled {
        Some(true) => endpoints::enable(&mut tx, actor.org, id, now).await?,
        Some(false) => {
            endpoints::disable(&mut tx, actor.org, id, DisabledReason::Person, now).await?;
        }
        None => {}
    }
    let webhook = found(&mut tx, &actor, id).await?;
    record(&mut tx, &actor, "webhook.changed", &webhook, now).await?;
    tx.commit().await?;
    Ok(Json(webhook))
}

/// Remove a webhook
#[utoipa::path(delete, path = "/api/webhooks/{id}", tag = "webhooks", params(("id" = WebhookId, Path)), responses(
    (status = 204, description = "Removed with its deliveries"),
    (status = 404, description = "There is no such webhook", body = Problem)))]
pub async fn remove(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
) -> Result<StatusCode, Problem> {
    actor.require(Permission::WebhookManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    let webhook = found(&mut tx, &actor, id).await?;
    // The record first: whoever tells of another act holds it, and waits for the row of the endpoint.
    record(&mut tx, &actor, "webhook.removed", &webhook, server.app.clock.now()).await?;
    endpoints::remove(&mut tx, actor.org, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change the secret of a webhook
///
/// For 24 hours messages carry a signature of each, the new one first.
#[utoipa::path(post, path = "/api/webhooks/{id}/rotate", tag = "webhooks", params(("id" = WebhookId, Path)), responses(
    (status = 200, description = "The new secret, shown this once", body = WithSecret),
    (status = 404, description = "There is no such webhook", body = Problem),
    (status = 503, description = "`webhook.no_key`: the server has no master key", body = Problem)))]
pub async fn rotate(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
) -> Result<Json<WithSecret>, Problem> {
    actor.require(Permission::WebhookManage)?;
    let (keys, now) = (keys(&server)?, server.app.clock.now());
    let mut tx = server.app.db.org(actor.org).await?;
    let webhook = found(&mut tx, &actor, id).await?;
    let before = match endpoints::secrets(&mut tx, actor.org, id, &keys, now).await {
        Ok(secrets) => secrets.into_iter().next(),
        // One that does not open signs nothing either: the new secret stands alone.
        Err(SecretsError::Vault(_)) => None,
        Err(SecretsError::Database(error)) => return Err(error.into()),
    };
    let secret = new_secret(&mut rand::rng());
    let seal = |secret: &SecretString| keys.seal(&id.to_string(), SECRET, secret, &mut rand::rng());
    let (new, old) = (seal(&secret)?, before.as_ref().map(seal).transpose()?);
    endpoints::rotate(&mut tx, actor.org, id, (&new, old.as_deref()), keys.key_id(), now).await?;
    record(&mut tx, &actor, "webhook.rotated", &webhook, now).await?;
    tx.commit().await?;
    Ok(Json(WithSecret { webhook, secret: secret.expose_secret().to_owned() }))
}

/// Send a `ping`
#[utoipa::path(post, path = "/api/webhooks/{id}/test", tag = "webhooks", params(("id" = WebhookId, Path)), responses(
    (status = 202, description = "It is on its way; see the deliveries", body = Queued),
    (status = 404, description = "There is no such webhook", body = Problem),
    (status = 409, description = "`webhook.disabled`", body = Problem)))]
pub async fn test(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    actor.require(Permission::WebhookManage)?;
    let mut tx = server.app.db.org(actor.org).await?;
    let webhook = found(&mut tx, &actor, id).await?;
    switched_on(&webhook)?;
    let message = Message {
        id: new_uuid(&*server.app.clock),
        kind: MessageType::Ping,
        at: server.app.clock.now(),
        data: json!({ "object": { "type": "webhook", "id": id } }),
    };
    rows::tell(&mut tx, actor.org, id, &message).await?;
    record(&mut tx, &actor, "webhook.tested", &webhook, message.at).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { message_id: message.id })))
}

/// Deliveries of a webhook
///
/// The newest first, for 30 days.
#[utoipa::path(get, path = "/api/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = WebhookId, Path), ListQuery), responses(
    (status = 200, description = "How each stands", body = Deliveries),
    (status = 404, description = "There is no such webhook", body = Problem)))]
pub async fn delivered(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(id): Path<WebhookId>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Deliveries>, Problem> {
    actor.require(Permission::WebhookManage)?;
    let limit = query.limit.unwrap_or(50).clamp(1, MOST_SHOWN);
    let mut tx = server.app.db.org(actor.org).await?;
    found(&mut tx, &actor, id).await?;
    let deliveries = deliveries::list(&mut tx, actor.org, id, query.state, limit).await?;
    Ok(Json(Deliveries { deliveries }))
}

/// Send a delivery again
///
/// With the same id and body, from the first try on.
#[utoipa::path(post, path = "/api/webhooks/{id}/deliveries/{message_id}/retry", tag = "webhooks",
    params(("id" = WebhookId, Path), ("message_id" = Uuid, Path)), responses(
    (status = 202, description = "It is on its way", body = Queued),
    (status = 404, description = "There is no such webhook or delivery", body = Problem),
    (status = 409, description = "`webhook.disabled`, `webhook.queued`", body = Problem)))]
pub async fn retry(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path((id, message)): Path<(WebhookId, Uuid)>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    actor.require(Permission::WebhookManage)?;
    let now = server.app.clock.now();
    let mut tx = server.app.db.org(actor.org).await?;
    let webhook = found(&mut tx, &actor, id).await?;
    switched_on(&webhook)?;
    match deliveries::again(&mut tx, actor.org, id, message, now).await? {
        None => return Err(Problem::not_found("delivery")),
        Some(false) => {
            let text = "This delivery waits to be sent already.";
            return Err(Problem::new(StatusCode::CONFLICT, "webhook.queued", text));
        }
        Some(true) => {}
    }
    let mut entry = NewEntry::by(&actor, "webhook.retried", "webhook", id, now);
    entry.after = Some(json!({ "message_id": message }));
    audit::append(&mut tx, actor.org, &entry).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { message_id: message })))
}

fn switched_on(webhook: &Endpoint) -> Result<(), Problem> {
    if webhook.enabled {
        return Ok(());
    }
    let text = "This webhook is switched off; send {\"enabled\": true} with PATCH first.";
    Err(Problem::new(StatusCode::CONFLICT, "webhook.disabled", text))
}

/// Without the address: its path may be a secret of the other side.
async fn record(
    tx: &mut OrgTx,
    actor: &Actor,
    action: &str,
    webhook: &Endpoint,
    at: jiff::Timestamp,
) -> Result<(), Problem> {
    let mut entry = NewEntry::by(actor, action, "webhook", webhook.id, at);
    let host = url::Url::parse(&webhook.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    entry.after = Some(json!({ "host": host, "types": webhook.types, "enabled": webhook.enabled }));
    audit::append(tx, actor.org, &entry).await?;
    Ok(())
}
