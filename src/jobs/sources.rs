//! Reads the streams of connections that are due. The lock of a stream keeps replicas apart; a connection that needs a person is
//! left alone until one came.
use crate::daily::sync::{Engine, Order};
use crate::db::syncs::Trigger;
use crate::platforms::fault::Code;
use tokio_util::sync::CancellationToken;

/// Gives how many streams were read.
pub async fn run(engine: &Engine, stop: &CancellationToken) -> anyhow::Result<u64> {
    let mut read = 0;
    for (org, _) in engine.db.organisations().await? {
        for (source, stream) in engine.due(org).await? {
            if stop.is_cancelled() {
                return Ok(read);
            }
            let order = Order { org, source, stream, trigger: Trigger::Schedule, window: None };
            match engine.run(&order, stop.child_token(), &|_| {}).await {
                Ok(_) => read += 1,
                Err(error) if error.code == Code::AlreadyRunning => {}
                Err(error) => {
                    tracing::warn!(%source, stream = order.stream, code = %error.code, "a stream could not be begun");
                    if error.code.needs_a_person() {
                        engine.needs_a_person(org, source).await?;
                    }
                }
            }
        }
    }
    Ok(read)
}
