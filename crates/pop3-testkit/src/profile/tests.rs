use super::*;

// Conformance: C-PROV-03, C-PROV-05, C-PROV-07, C-PROV-08
#[test]
fn every_profile_that_comes_with_the_crate_can_be_read() {
    for (name, text) in embedded::FILES {
        let profile = Profile::from_toml(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(profile.name(), name);
        assert!(!profile.quirks().is_empty(), "{name}");
        assert_eq!(Profile::named(name).unwrap(), profile);
    }
    assert_eq!(Profile::all().len(), embedded::FILES.len());
    assert!(embedded::FILES.is_sorted());
}

#[test]
fn every_file_in_the_folder_is_a_profile_of_the_crate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, embedded::FILES.map(|(name, _)| name));
}

/// A quirk that nothing shows says why; what stands in it as a rule to ask for is one.
#[test]
fn the_rules_that_a_profile_advises_can_be_parsed() {
    for profile in Profile::all() {
        for reason in profile.quirks().iter().filter_map(Quirk::not_reproduced) {
            if let Some((_, rule)) = reason.split_once("with: ") {
                let rule = rule.split(", which").next().unwrap();
                rule.parse::<Rule>().unwrap_or_else(|error| panic!("{}: {rule}: {error}", profile.name()));
            }
        }
    }
}

#[test]
fn what_a_list_leaves_out_follows_from_the_others() {
    let text = "name = \"x\"\ndescription = \"x\"\n[capa]\nplain = [\"TOP\", \"STLS\"]\n";
    let profile = Profile::from_toml(text).unwrap();
    let lists = profile.capabilities().unwrap();
    assert_eq!(lists.tls, ["TOP"]);
    assert_eq!(lists.login, ["TOP"]);
    assert!(!profile.refuses_capa());
}

#[test]
fn a_server_may_know_no_capa() {
    let text = "name = \"x\"\ndescription = \"x\"\n[capa]\nrefused = \"-ERR what\"\n";
    let profile = Profile::from_toml(text).unwrap();
    assert!(profile.refuses_capa() && profile.capabilities().is_none());
    assert_eq!(profile.capa_refusal(), Some("-ERR what"));
}

#[test]
fn a_wrong_file_is_told_by_its_line() {
    let head = "name = \"x\"\ndescription = \"x\"\n";
    let quirk = "[[quirk]]\nwhat = \"a\"\nsource = \"b\"\n";
    let cases = [
        (format!("{head}colour = \"red\"\n"), 3, "colour"),
        ("name = \"X y\"\ndescription = \"x\"\n".to_owned(), 1, "lower case"),
        (format!("{head}greeting = \"+OK\\r\\n\"\n"), 3, "one line"),
        (format!("{head}[capa]\ntls = [\"TOP\"]\n"), 3, "plain"),
        (format!("{head}[capa]\nrefused = \"+OK\"\n"), 4, "-ERR"),
        (format!("{head}[capa]\nplain = [\"TOP\"]\nrefused = \"-ERR\"\n"), 5, "no list"),
        (format!("{head}[login]\nmechanisms = [\"PLAIN\",\n\"NTLM\"]\n"), 5, "NTLM"),
        (format!("{head}{quirk}words = [[\"pass\", \"-ERR\", \"-ERR\"]]\n"), 6, "keyword"),
        (format!("{head}[login]\nbearer = \"three-line\"\n"), 4, "three-line"),
        (format!("{head}{quirk}"), 3, "not-reproduced"),
        (format!("{head}[[quirk]]\nwhat = \"a\"\nsource = \"\"\nseen = \"capa\"\n"), 3, "source"),
        (format!("{head}[[quirk]]\nwhat = \"a\"\nseen = \"capa\"\n"), 3, "source"),
        (format!("{head}{quirk}rules = [\"UIDL: unstuffed\",\n\"UIDL: explode\"]\n"), 7, "explode"),
    ];
    for (text, expected, word) in cases {
        let error = Profile::from_toml(&text).expect_err(&text);
        let ProfileError::Toml { path: None, line, what } = &error else { panic!("{text}: {error}") };
        assert_eq!(*line, expected, "{text}: {what}");
        assert!(error.to_string().contains(word), "{text}: {error}");
    }
}

#[test]
fn an_unknown_name_and_a_missing_file_say_what_to_do() {
    let error = Profile::named("gmial").unwrap_err().to_string();
    assert!(error.contains("there is no profile gmial") && error.contains("gmail"), "{error}");
    let error = Profile::from_file(Path::new("/nowhere/x.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the profile /nowhere/x.toml: "), "{error}");
}

#[test]
fn faults_that_are_said_later_leave_those_of_the_profile() {
    let quirk = "[[quirk]]\nwhat = \"a\"\nsource = \"b\"\nrules = [\"LIST: close\"]\n";
    let profile = Profile::from_toml(&format!("name = \"x\"\ndescription = \"x\"\n{quirk}")).unwrap();
    let rule = |text: &str| text.parse::<Rule>().unwrap();
    let builder = crate::TestServer::builder().fault(rule("RETR: close")).profile(&profile);
    let server = builder.faults("STAT: hang".parse().unwrap()).fault(rule("DELE: hang")).start().unwrap();
    let rules = server.unmet_faults();
    assert_eq!(rules, [rule("LIST: close"), rule("STAT: hang"), rule("DELE: hang")]);
}
