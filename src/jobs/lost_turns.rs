//! Turns whose owner died are continued from their last stored tool result, or failed in plain words.
use crate::chat;

pub async fn run(chat: &chat::Service) -> anyhow::Result<u64> {
    Ok(chat.recover().await? as u64)
}
