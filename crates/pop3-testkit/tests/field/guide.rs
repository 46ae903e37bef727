//! The guide says what there is.

use pop3_testkit::{fault::Fault, profile::Profile};

fn guide() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide-testkit.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_guide_names_every_profile_and_every_fault() {
    let guide = guide();
    let names: Vec<String> = Profile::all().iter().map(|profile| profile.name().to_owned()).collect();
    assert!(guide.replace('\n', " ").contains(&names.join(", ")), "{}", names.join(", "));
    for form in Fault::FORMS {
        assert!(guide.contains(&format!("`{form}`")), "the guide does not know `{form}`");
    }
}

#[test]
fn the_profile_in_the_guide_can_be_read() {
    let guide = guide();
    let profile = guide.split("```toml\n").find(|part| part.starts_with("name = ")).unwrap();
    let profile = Profile::from_toml(profile.split("```").next().unwrap()).unwrap();
    assert_eq!((profile.name(), profile.quirks().len()), ("own", 2));
}
