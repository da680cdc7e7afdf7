//! Workspaces in which the app is installed. The bot's token is not kept here: it lives in the environment.
use crate::db::people::{self, Route, RouteKind};
use crate::db::{Db, Error, OrgTx};
use crate::ids::{MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::{Value, json};

crate::closed_list! {
    InstallState = "install state" { Active = "active", Revoked = "revoked" }
}

/// One workspace.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Install {
    pub team: String,
    /// Empty until it is known.
    pub app_id: String,
    pub name: String,
    /// The app's own user (`U…`) and bot id (`B…`).
    pub bot_user: String,
    pub bot_id: String,
    pub scopes: Vec<String>,
    pub state: InstallState,
    /// Channels shared with another organisation in which an administrator lets the app answer: channel → `{by, at}`.
    pub shared_channels: Value,
}

const COLUMNS: &str = "team, app_id, name, bot_user, bot_id, scopes, state, shared_channels";

/// The organisation of a workspace.
pub async fn organisation(db: &Db, team: &str) -> Result<Option<OrgId>, Error> {
    Ok(db.route(RouteKind::SlackTeam, team).await?.map(|Route { org_id, .. }| org_id))
}

pub async fn get(tx: &mut OrgTx, org: OrgId, team: &str) -> Result<Option<Install>, Error> {
    let statement = format!("select {COLUMNS} from slack_installs where org_id = $1 and team = $2");
    sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).bind(team).fetch_optional(&mut **tx).await
}

pub async fn all(tx: &mut OrgTx, org: OrgId) -> Result<Vec<Install>, Error> {
    let statement = format!("select {COLUMNS} from slack_installs where org_id = $1 order by team");
    sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(org).fetch_all(&mut **tx).await
}

/// Records an installation as active and makes its workspace lead here. Consents that were given stay. A workspace that
/// leads to another organisation is a unique violation.
pub async fn record(tx: &mut OrgTx, org: OrgId, install: &Install, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "insert into slack_installs (org_id, team, app_id, name, bot_user, bot_id, bot_token, scopes, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, '', $7, $8, $8)
         on conflict (org_id, team) do update
         set app_id = case when excluded.app_id = '' then slack_installs.app_id else excluded.app_id end,
             name = excluded.name, bot_user = excluded.bot_user, bot_id = excluded.bot_id,
             scopes = excluded.scopes, state = 'active', updated_at = excluded.updated_at",
    )
    .bind(org)
    .bind(&install.team)
    .bind(&install.app_id)
    .bind(&install.name)
    .bind(&install.bot_user)
    .bind(&install.bot_id)
    .bind(&install.scopes)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    let known: bool = sqlx::query_scalar(
        "select exists (select from directory where kind = 'slack_team' and key = $1 and org_id = $2)",
    )
    .bind(&install.team)
    .bind(org)
    .fetch_one(&mut **tx)
    .await?;
    if known {
        return Ok(());
    }
    people::add_route(tx, org, RouteKind::SlackTeam, &install.team, "").await
}

/// Marks an installation as gone; `false`: it was not active.
pub async fn revoke(tx: &mut OrgTx, org: OrgId, team: &str, at: Timestamp) -> Result<bool, Error> {
    let done = sqlx::query(
        "update slack_installs set state = 'revoked', updated_at = $3
         where org_id = $1 and team = $2 and state = 'active'",
    )
    .bind(org)
    .bind(team)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets the app answer in a shared channel, or takes that back; `false`: nothing changed.
pub async fn consent(
    tx: &mut OrgTx,
    org: OrgId,
    team: &str,
    channel: &str,
    given: Option<(MemberId, Timestamp)>,
) -> Result<bool, Error> {
    let done = match given {
        Some((by, at)) => {
            sqlx::query(
                "update slack_installs set shared_channels = shared_channels || jsonb_build_object($3::text, $4::jsonb)
                 where org_id = $1 and team = $2 and not shared_channels ? $3",
            )
            .bind(org)
            .bind(team)
            .bind(channel)
            .bind(json!({"by": by, "at": at}))
            .execute(&mut **tx)
            .await?
        }
        None => {
            sqlx::query(
                "update slack_installs set shared_channels = shared_channels - $3
                 where org_id = $1 and team = $2 and shared_channels ? $3",
            )
            .bind(org)
            .bind(team)
            .bind(channel)
            .execute(&mut **tx)
            .await?
        }
    };
    Ok(done.rows_affected() == 1)
}
