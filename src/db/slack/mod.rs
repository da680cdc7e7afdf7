//! What Slack brings, where the app is installed, and which member a Slack user is.
pub mod inbound;
pub mod installs;
pub mod people;
