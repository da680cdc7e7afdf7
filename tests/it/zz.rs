use crate::world::World;
use adjutant::catalogue::{Catalogue, RunContext};
use adjutant::clock::SharedClock;
use adjutant::db::load;
use adjutant::demo;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

#[tokio::test]
async fn show() {
    let (catalogue, faults) = Catalogue::load_whole(None);
    for f in faults { println!("FAULT {f}"); }
    let world = World::new().await;
    let data = demo::generate(date(2025, 9, 17), 7);
    load::dataset(&world.db, world.org, &data).await.unwrap();
    let clock: SharedClock = world.clock.clone();
    let context = RunContext { actor: world.compliance.clone(), turn: None, reason: Some("x".into()) };
    let campaigns = catalogue.entities(&world.db, &clock, world.org, "campaign").await.unwrap();
    println!("{:?}", campaigns.iter().map(|c| format!("{c:?}")).collect::<Vec<_>>());
    let mut asks: Vec<(String, Value)> = Vec::new();
    let text = std::fs::read_to_string("/tmp/qa/asks.json").unwrap();
    let list: Vec<(String, Value)> = serde_json::from_str(&text).unwrap();
    asks.extend(list);
    for (name, params) in asks {
        for round in 0..2 {
        let t = std::time::Instant::now();
        let got = catalogue.run(&world.db, &clock, &context, &name, params.as_object().unwrap()).await;
        let ms = t.elapsed().as_millis();
        if round == 0 { println!("-- first {ms} ms"); if params.get("nocache").is_none() { match got {
            Ok(r) => {
                let a = catalogue.render(&r, &TimeZone::get("Europe/Zurich").unwrap()).unwrap();
                println!("==== {name} {params} {ms} ms, {} rows\n{}\n{}", r.total_rows, a.markdown(), catalogue.table(&r, 12, &TimeZone::UTC));
            }
            Err(e) => println!("==== {name} {params} ERROR {e}"),
        } } }
        }
    }
    let _ = json!({});
}
