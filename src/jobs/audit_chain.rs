//! Once a day every organisation's record of decisions is recomputed; a broken link is an error in the log.
use crate::app::App;
use crate::db::audit;

pub async fn run(app: &App) -> anyhow::Result<u64> {
    let mut walked = 0;
    for (org, slug) in app.db.organisations().await? {
        let verdict = audit::verify(&app.db, org).await?;
        if let Some(broken) = verdict.broken {
            tracing::error!(org = %slug, entry = broken.seq, problem = %broken.problem, "the audit chain is broken");
        }
        walked += 1;
    }
    Ok(walked)
}
