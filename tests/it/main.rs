//! One binary for everything with a database, through the front door.
mod database;
mod imports;
mod layers;
mod world;
