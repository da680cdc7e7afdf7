//! Slack through its front door: a fake workspace on one side, the real server and database on the other.
pub mod workspace;
