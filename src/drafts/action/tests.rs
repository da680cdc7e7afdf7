use super::*;

fn built_in() -> BTreeMap<String, String> {
    Files::iter()
        .map(|name| {
            (name.to_string(), String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap())
        })
        .collect()
}

fn faults(change: impl Fn(&mut BTreeMap<String, String>)) -> Vec<String> {
    let mut files = built_in();
    change(&mut files);
    load(files.into_iter()).err().unwrap_or_default()
}

fn edit(file: &'static str, from: &'static str, to: &'static str) -> Vec<String> {
    faults(|files| {
        let text = files.get_mut(file).unwrap();
        assert!(text.contains(from), "{from} is not in {file}");
        *text = text.replace(from, to);
    })
}

#[test]
fn the_built_in_files_are_sound() {
    assert_eq!(faults(|_| {}), Vec::<String>::new());
    let schema = &actions().unwrap().named("pause_campaign").unwrap().tool_schema;
    assert!(!schema.to_string().contains("$ref"), "{schema}");
}

#[test]
fn each_kind_of_mistake_is_named_with_its_file() {
    let one = |found: Vec<String>| {
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    };
    let fault = one(edit("ad.yaml", "text_limit,", "text_limits,"));
    assert!(
        fault.starts_with("ad.yaml:") && fault.contains("text_limits") && fault.contains("line 1"),
        "{fault}"
    );
    assert!(one(edit("ad.yaml", "floor: medium", "flor: medium")).contains("flor"));
    assert_eq!(
        one(edit("ad.yaml", "platforms: [google_ads,", "platforms: [google_adds,"))
            .split(';')
            .next()
            .unwrap(),
        "ad.yaml: platforms: unknown 'google_adds'"
    );
    assert_eq!(
        one(edit("pause_campaign.yaml", "editable: [reason_code,", "editable: [reasoncode,")),
        "pause_campaign.yaml: editable: 'reasoncode' is not a property of tool"
    );
    assert!(
        one(edit("pause_campaign.yaml", "{campaign: 'meta_ads:2385'}", "{campain: x}"))
            .contains("examples[1]")
    );
    assert_eq!(
        one(edit("pause_campaign.yaml", "id: pause_campaign", "id: resume_campaign")),
        "pause_campaign.yaml: id: 'resume_campaign' does not match the file name"
    );
    assert_eq!(
        one(edit("pause_campaign.yaml", "compare: [/status]", "compare: [status]"))
            .split(';')
            .next()
            .unwrap(),
        "pause_campaign.yaml: compare: 'status' is not a JSON pointer"
    );
}

#[test]
fn a_missing_file_is_missed() {
    let found = faults(|files| drop(files.remove("ad.yaml")));
    assert_eq!(found, ["ad.yaml: missing; every action type has a file"]);
}
