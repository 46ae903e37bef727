//! Reads the JUnit file that pytest writes: which test cases there are and how each ended.

/// One test case of a JUnit file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Dotted module path, with the class where there is one.
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// All test cases in the order of the file. What is no test case is passed over.
pub(crate) fn cases(xml: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once("<testcase ") {
        let Some((tag, content)) = tag_and_content(after) else { break };
        cases.push(Case {
            class: attribute(tag, "classname").unwrap_or_default(),
            name: attribute(tag, "name").unwrap_or_default(),
            verdict: verdict(content),
        });
        rest = after;
    }
    cases
}

/// The attributes of a test case, and what stands between its tags (nothing for an empty element).
fn tag_and_content(after: &str) -> Option<(&str, &str)> {
    let end = end_of_tag(after)?;
    let (tag, content) = after.split_at(end);
    if tag.ends_with('/') {
        return Some((tag, ""));
    }
    Some((tag, content.split_once("</testcase>")?.0))
}

/// The place of the `>` that ends the tag; one inside quotes does not.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, character)| {
        if character == '"' {
            quoted = !quoted;
        }
        (character == '>' && !quoted).then_some(at)
    })
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    // The space keeps `name=` from matching inside `classname=`; any white space may separate attributes.
    let padded = format!(" {tag}").replace(['\n', '\r', '\t'], " ");
    let (_, after) = padded.split_once(&format!(" {name}=\""))?;
    Some(unescaped(after.split_once('"')?.0))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn verdict(content: &str) -> Verdict {
    if content.contains("<failure") || content.contains("<error") {
        Verdict::Failed
    } else if content.contains("<skipped") {
        Verdict::Skipped
    } else {
        Verdict::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite
name="pytest" errors="0" failures="1" skipped="1" tests="4" time="0.1"><testcase classname="tests.test_client"
name="test_stat" time="0.001" /><testcase classname="tests.test_client.TestRetr" name="test_cut[a&gt;b]"
time="0.002"><failure message="x">boom</failure></testcase><testcase classname="tests.test_proto" name="test_skip"
time="0.0"><skipped type="pytest.skip" message="no">x</skipped></testcase><testcase classname="tests.test_proto"
name="test_out" time="0.0"><system-out>fine</system-out></testcase></testsuite></testsuites>"#;

    #[test]
    fn every_verdict_is_read() {
        let cases = cases(FILE);
        let brief: Vec<_> = cases.iter().map(|case| (case.name.as_str(), case.verdict)).collect();
        assert_eq!(
            brief,
            [
                ("test_stat", Verdict::Passed),
                ("test_cut[a>b]", Verdict::Failed),
                ("test_skip", Verdict::Skipped),
                ("test_out", Verdict::Passed),
            ]
        );
        assert_eq!(cases[1].class, "tests.test_client.TestRetr");
    }

    #[test]
    fn a_cut_file_ends_the_list() {
        assert!(cases("<testcase classname=\"a\" name=").is_empty());
    }
}
