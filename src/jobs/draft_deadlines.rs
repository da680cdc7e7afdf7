//! Drafts whose time is over expire, on the record.
use crate::app::App;
use crate::drafts;

pub async fn run(app: &App) -> anyhow::Result<u64> {
    let mut expired = 0;
    for (org, _) in app.db.organisations().await? {
        expired += drafts::expire_due(&app.db, &*app.clock, org).await? as u64;
    }
    Ok(expired)
}
