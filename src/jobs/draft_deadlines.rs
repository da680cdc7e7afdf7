//! Drafts whose time is over expire, on the record; pauses whose time is over get a draft to resume.
use crate::app::App;
use crate::drafts;

pub async fn run(app: &App) -> anyhow::Result<u64> {
    let mut moved = 0;
    for (org, _) in app.db.organisations().await? {
        moved += drafts::expire_due(&app.db, &*app.clock, org).await? as u64;
        moved += drafts::resume_due(&app.db, &*app.clock, org).await? as u64;
    }
    Ok(moved)
}
