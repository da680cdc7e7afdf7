//! What Slack brings, where the app is installed, which member a Slack user is, and whose a conversation is.
pub mod conversations;
pub mod inbound;
pub mod installs;
pub mod people;
