//! The house rules that a compiler does not check: ranks, bans, sizes. See the map in `ARCHITECTURE.md`.
use std::fs;
use std::path::{Path, PathBuf};

/// The rank of each room: an import may only point to a lower rank, or stay in its room.
const RANKS: &[(&str, u8)] = &[
    ("ids", 0),
    ("money", 0),
    ("period", 0),
    ("clock", 0),
    ("text", 0),
    ("access", 0),
    ("config", 1),
    ("report", 1),
    ("detect", 1),
    ("stats", 1),
    ("db", 2),
    ("catalogue", 3),
    ("drafts", 3),
    ("events", 3),
    ("llm", 3),
    ("demo", 3),
    ("platforms", 4),
    ("app", 5),
    ("chat", 6),
    ("operate", 6),
    ("daily", 6),
    ("webhooks", 6),
    ("http", 7),
    ("slack", 7),
    ("fake_slack", 7),
    ("mcp", 7),
    ("jobs", 7),
    ("eval", 7),
    ("cli", 8),
    ("main", 9),
    ("lib", 9),
];

const MAX_LINES: usize = 600;

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every source file of `src` as (path below src, room, text).
fn house() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "the sources were not found under {}", root.display());
    files
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let room = below.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (below, room, text)
        })
        .collect()
}

fn rank(room: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank)
}

/// Rooms named after `crate::` or `adjutant::` with their line numbers, grouped imports over several lines included.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for prefix in ["crate::", "adjutant::"] {
        for (at, _) in code.match_indices(prefix) {
            let number = code[..at].matches('\n').count() + 1;
            for name in names(&code[at + prefix.len()..]) {
                let room: String =
                    name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if rank(&room).is_some() {
                    rooms.push((number, room));
                }
            }
        }
    }
    rooms
}

/// The first path segments after `crate::`: one, or those of a `{…}` group at its top level.
fn names(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else { return vec![rest] };
    let mut names = Vec::new();
    let (mut depth, mut from) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(&group[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    names
}

#[test]
fn every_room_has_a_rank() {
    for (path, room, _) in house() {
        assert!(rank(&room).is_some(), "{path}: the room '{room}' has no rank; add it to the map and here");
    }
}

#[test]
fn an_import_never_climbs() {
    let mut climbing = Vec::new();
    for (path, room, text) in house() {
        for (number, target) in imports(&text) {
            // The vocabulary of rank 0 is one room in several files.
            let vocabulary = rank(&room) == Some(0) && rank(&target) == Some(0);
            if target != room && !vocabulary && rank(&target) >= rank(&room) {
                climbing.push(format!("src/{path}:{number}: {room} imports {target}"));
            }
        }
    }
    assert!(climbing.is_empty(), "imports that climb:\n{}", climbing.join("\n"));
}

#[test]
fn the_import_reader_sees_plain_and_grouped_imports() {
    let rooms = |text: &str| imports(text).into_iter().map(|(_, room)| room).collect::<Vec<_>>();
    assert_eq!(rooms("use crate::db::Db;"), ["db"]);
    assert_eq!(rooms("use crate::{\n    chat::{a, b},\n    llm::X,\n};"), ["chat", "llm"]);
    assert_eq!(rooms("let x = crate::http::serve(); // crate::slack"), ["http"]);
    assert_eq!(imports("\n\nuse crate::db;")[0].0, 3);
}

/// A word that only some places may use.
struct Ban {
    word: &'static str,
    allowed: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban { word: "sqlx::query", allowed: &["db/", "catalogue/"], why: "SQL lives in db/ and catalogue/" },
    Ban { word: "std::env::", allowed: &["config.rs"], why: "only config.rs reads the environment" },
    Ban { word: "Timestamp::now()", allowed: &["clock.rs"], why: "time comes from the injected clock" },
    Ban { word: "SystemTime::now", allowed: &["clock.rs"], why: "time comes from the injected clock" },
    Ban { word: "Zoned::now", allowed: &["clock.rs"], why: "time comes from the injected clock" },
    Ban { word: "Instant::now", allowed: &["clock.rs"], why: "time comes from the injected clock" },
    Ban { word: "async_openai", allowed: &["llm/"], why: "the provider library stays inside llm/" },
    Ban { word: "thread::sleep", allowed: &[], why: "wait for the condition instead" },
];

/// Words that a room must do without: the absences of the map that a word gives away.
const ABSENT: &[(&[&str], &[&str], &str)] = &[
    (
        &["stats/", "report/", "ids", "money.rs", "period", "access.rs", "text.rs"],
        &["tokio::", "std::fs", "std::net", "reqwest", "sqlx::Pg", "async fn", "rand::rng", "rand::random"],
        "no I/O and no randomness of its own",
    ),
    (&["clock.rs"], &["std::fs", "std::net", "reqwest"], "reads the clock and nothing else"),
    (&["http/", "slack/", "cli/", "eval/", "jobs/"], &["sqlx::raw_sql", "AssertSqlSafe"], "no SQL"),
    (&["drafts/", "chat/"], &["reqwest", "axum::"], "knows no surface and no platform's client"),
    (&["fake_slack/"], &["crate::slack"], "shares no code with what it tests"),
];

#[test]
fn the_map_s_absences_hold() {
    let mut found = Vec::new();
    for (path, _, text) in house() {
        for (rooms, words, why) in ABSENT {
            if path.contains("tests") || !rooms.iter().any(|room| path.starts_with(room)) {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if let Some(word) = words.iter().find(|word| code.contains(*word)) {
                    found.push(format!("src/{path}:{}: {word} ({why})", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn banned_words_stay_in_their_rooms() {
    let mut found = Vec::new();
    for (path, _, text) in house() {
        for ban in BANS {
            if ban.allowed.iter().any(|prefix| path.starts_with(prefix)) {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                if line.split("//").next().unwrap_or_default().contains(ban.word) {
                    found.push(format!("src/{path}:{}: {} ({})", number + 1, ban.word, ban.why));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn files_are_short_and_folders_have_names() {
    for (path, _, text) in house() {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "src/{path} has {lines} lines; split it by concept");
        for part in path.split('/') {
            let name = part.trim_end_matches(".rs");
            assert!(
                !["utils", "util", "helpers", "helper", "common", "misc"].contains(&name),
                "src/{path}: name the concept"
            );
        }
    }
}

#[test]
fn the_map_names_every_room() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    for (path, room, _) in house() {
        if matches!(room.as_str(), "main" | "lib") {
            continue;
        }
        assert!(
            map.contains(&format!("`{room}/`")) || map.contains(&format!("`{room}.rs`")),
            "ARCHITECTURE.md does not name the room of src/{path}"
        );
    }
}

#[test]
fn prompts_live_in_files() {
    for (path, _, text) in house() {
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_ascii_lowercase();
            assert!(
                !lower.contains("you are a ") && !lower.contains("you are adjutant"),
                "src/{path}:{}: words for the model belong in prompts/",
                number + 1
            );
        }
    }
}
