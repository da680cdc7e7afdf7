//! Every SQL statement outside the catalogue; one file an aggregate; transactions bound to one organisation.
pub mod drafts;

use crate::ids::OrgId;
use sqlx::{PgPool, Postgres, Transaction};

pub type Error = sqlx::Error;

/// The pools of the three roles. Cheap to clone. Statements run only inside [`Db::org`] or [`Db::reader`].
#[derive(Clone)]
pub struct Db {
    app: PgPool,
    reader: PgPool,
}

/// A transaction whose rows are fenced to one organisation by row-level security.
pub type OrgTx = Transaction<'static, Postgres>;

impl Db {
    /// Opens a transaction of role `adjutant_app` for one organisation (set in the round trip of BEGIN).
    pub async fn org(&self, org: OrgId) -> Result<OrgTx, Error> {
        self.app.begin_with(sqlx::AssertSqlSafe(format!("begin; set local app.org_id = '{org}'"))).await
    }

    /// Opens a repeatable-read, read-only transaction of role `adjutant_reader`, which sees the schema `facts` only.
    pub async fn reader(&self, org: OrgId) -> Result<OrgTx, Error> {
        self.reader
            .begin_with(sqlx::AssertSqlSafe(format!(
                "begin isolation level repeatable read read only; set local app.org_id = '{org}'"
            )))
            .await
    }
}
