//! Connections as people see them: what they are told, without the secrets, how each stream fares, what payloads said that
//! nobody expected, and which platforms could be connected.
use super::fault::SourceFault;
use crate::db::OrgTx;
use crate::db::sources::{self, Drift, Source, SourceState};
use crate::db::syncs::{self, Run, StreamState};
use crate::ids::{OrgId, SourceId};
use crate::platforms::registry::{CONNECTORS, connector};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// A connection. Secrets are named, never shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Connection {
    pub id: SourceId,
    /// The platform, for instance `plausible`.
    pub connector: String,
    /// What the platform calls itself.
    pub title: &'static str,
    pub name: String,
    pub state: SourceState,
    pub config: Map<String, Value>,
    pub secrets: Vec<SecretSet>,
    /// The account's days are counted in it.
    pub account_time_zone: String,
    #[schema(value_type = String)]
    pub currency: crate::money::Currency,
    pub last_synced_at: Option<Timestamp>,
    /// With the state `attention`: runs by the clock wait until then; without it they wait for a person.
    pub breaker_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub streams: Vec<Stream>,
    /// Fields that are new or missing, and unknown words.
    pub schema: Vec<Drift>,
    /// Where the platform may send what happens; only platforms that do so have one.
    pub webhook_path: Option<String>,
}

/// Whether a secret was entered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SecretSet {
    pub name: &'static str,
    pub required: bool,
    pub set: bool,
}

/// A stream and its last run, which may be under way.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Stream {
    #[serde(flatten)]
    pub state: StreamState,
    pub last_run: Option<Run>,
}

/// A platform that can be connected, and what that needs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Platform {
    pub connector: &'static str,
    pub title: &'static str,
    /// `unconfigured` when no connection reads it.
    pub state: SourceState,
    pub fields: Vec<PlatformField>,
    pub streams: Vec<&'static str>,
    /// Where the vendor describes its API.
    pub docs: &'static str,
    /// Names of what must be given before it can be read; empty when it is connected.
    pub missing: Vec<&'static str>,
}

/// Something a platform is told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlatformField {
    pub name: &'static str,
    pub help: &'static str,
    pub required: bool,
    pub secret: bool,
    pub default: Option<&'static str>,
}

/// Everything about the connections of an organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Overview {
    pub sources: Vec<Connection>,
    pub platforms: Vec<Platform>,
}

pub async fn overview(tx: &mut OrgTx, org: OrgId) -> Result<Overview, sqlx::Error> {
    let mut all = Vec::new();
    for source in sources::all(tx, org).await? {
        // Files that people upload are no connection: nothing reads them by the clock.
        if source.connector != "csv" {
            all.push(shown(tx, org, source).await?);
        }
    }
    let platforms = CONNECTORS.iter().map(|known| platform(known.spec().key, &all)).collect::<Vec<_>>();
    Ok(Overview { sources: all, platforms: platforms.into_iter().flatten().collect() })
}

/// One connection.
pub async fn one(tx: &mut OrgTx, org: OrgId, id: SourceId) -> Result<Connection, SourceFault> {
    let source = sources::get(tx, org, id).await?.filter(|source| source.connector != "csv");
    Ok(shown(tx, org, source.ok_or(SourceFault::NotFound)?).await?)
}

async fn shown(tx: &mut OrgTx, org: OrgId, source: Source) -> Result<Connection, sqlx::Error> {
    let known = connector(&source.connector);
    let spec = known.map(|known| known.spec());
    let entered = sources::secret_names(tx, org, source.id).await?;
    let fields = spec.map(|spec| spec.fields).unwrap_or_default();
    let secrets = fields.iter().filter(|field| field.secret).map(|field| SecretSet {
        name: field.name,
        required: field.required,
        set: entered.iter().any(|name| name == field.name),
    });
    let mut runs = syncs::last_runs(tx, org, source.id).await?;
    let mut states = syncs::streams(tx, org, source.id).await?;
    let order = |stream: &str| spec.and_then(|s| s.streams.iter().position(|one| one.name == stream));
    states.sort_by_key(|state| order(&state.stream).unwrap_or(usize::MAX));
    let streams = states.into_iter().map(|state| {
        let run = runs.iter().position(|run| run.stream == state.stream);
        Stream { last_run: run.map(|at| runs.swap_remove(at)), state }
    });
    let delivers = known.and_then(|known| known.webhook()).is_some();
    Ok(Connection {
        title: spec.map_or("", |spec| spec.title),
        secrets: secrets.collect(),
        streams: streams.collect(),
        schema: sources::drift(tx, org, source.id).await?,
        webhook_path: delivers.then(|| format!("/hooks/{}/{}", source.connector, source.id)),
        id: source.id,
        connector: source.connector,
        name: source.name,
        state: source.state,
        config: source.config,
        account_time_zone: source.account_time_zone,
        currency: source.currency,
        last_synced_at: source.last_synced_at,
        breaker_until: source.breaker_until,
        created_at: source.created_at,
    })
}

fn platform(key: &str, connections: &[Connection]) -> Option<Platform> {
    let spec = connector(key)?.spec();
    let own = connections.iter().filter(|one| one.connector == key).map(|one| one.state);
    // Several accounts of a platform: the best of them says whether it is read.
    let state = own.min_by_key(|state| *state != SourceState::Connected);
    Some(Platform {
        connector: spec.key,
        title: spec.title,
        state: state.unwrap_or(SourceState::Unconfigured),
        fields: spec
            .fields
            .iter()
            .map(|field| PlatformField {
                name: field.name,
                help: field.help,
                required: field.required,
                secret: field.secret,
                default: field.default,
            })
            .collect(),
        streams: spec.streams.iter().map(|stream| stream.name).collect(),
        docs: spec.docs,
        missing: if state.is_some() { Vec::new() } else { spec.missing(|_| false) },
    })
}
