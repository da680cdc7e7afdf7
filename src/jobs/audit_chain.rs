//! Once a day every organisation's record of decisions is recomputed; a broken link is an error in the log. A good head is
//! anchored and told in the log, outside the database: a later rewrite of everything shows against it.
use crate::app::App;
use crate::db::audit;

/// One round; gives how many chains were walked.
pub async fn run(app: &App) -> anyhow::Result<u64> {
    let mut walked = 0;
    for (org, slug) in app.db.organisations().await? {
        let verdict = audit::verify(&app.db, org).await?;
        match &verdict.broken {
            Some(broken) => {
                tracing::error!(org = %slug, entry = broken.seq, problem = %broken.problem, "the audit chain is broken");
            }
            None if audit::anchor(&app.db, org, &verdict, app.clock.now()).await? => {
                tracing::info!(org = %slug, entry = verdict.head_seq, hash = verdict.head_hash, "audit head");
            }
            None => {}
        }
        walked += 1;
    }
    Ok(walked)
}
