//! What turns cost rather than how long they take: processor time of this process and of the database's. Unlike
//! latency it says the same on a busy machine.
use adjutant::db::private::Cluster;
use std::fs;

/// Clock ticks a second of `/proc/<pid>/stat`: the same on every Linux that Rust knows.
const TICKS: f64 = 100.0;

/// Processor time used so far, in milliseconds.
#[derive(Clone, Copy)]
pub struct Cost {
    program: f64,
    database: f64,
}

impl Cost {
    pub fn so_far(cluster: &Cluster) -> Self {
        let own = std::process::id();
        let server = cluster.postmaster().unwrap_or_default();
        let processes = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        let mut sum = Self { program: 0.0, database: 0.0 };
        for entry in processes {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let Some((parent, time)) = used(pid) else { continue };
            if pid == own {
                sum.program += time;
            } else if pid == server || parent == server {
                sum.database += time;
            }
        }
        sum
    }

    /// Milliseconds of processor a turn since then, as one line.
    pub fn line(self, cluster: &Cluster, turns: usize) -> String {
        let now = Self::so_far(cluster);
        let each = |ms: f64| ms / turns.max(1) as f64;
        let (program, database) = (each(now.program - self.program), each(now.database - self.database));
        format!(
            "processor time a turn: {:.1} ms = database {database:.1} + program, clients and provider {program:.1}",
            program + database
        )
    }
}

/// The parent of a process, and its processor time with that of the children it has waited for, in milliseconds.
fn used(pid: u32) -> Option<(u32, f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks: f64 = fields.get(11..15)?.iter().filter_map(|n| n.parse::<f64>().ok()).sum();
    Some((parent, ticks * 1e3 / TICKS))
}
