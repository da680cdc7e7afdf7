//! What brings the facts of a day up to date: `sync` reads connections, `map` keeps the entity map, `leads` says where leads came
//! from, `rollup` computes daily figures from events and syncs, `watch` opens and closes the alerts about all of it.
pub mod connection;
pub mod follow;
pub mod health;
pub mod imports;
pub mod leads;
pub mod map;
pub mod rollup;
pub mod sync;
pub mod watch;
