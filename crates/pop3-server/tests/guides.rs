//! What README and the guide for operators print is what the program takes.

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use support::{Program, root, stop};

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks of one language, in order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let mut parts = document.split("\n```");
    parts.next();
    parts
        .step_by(2)
        .filter_map(|block| block.strip_prefix(&format!("{language}\n")))
        .map(Into::into)
        .collect()
}

fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let start = document.find(&format!("\n## {heading}\n")).expect("the heading is there");
    let section = &document[start + 1..];
    section[1..].find("\n## ").map_or(section, |end| &section[..=end])
}

/// The commands of a block, each with the lines that follow it.
fn commands(block: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for command in format!("\n{block}").split("\n$ ").skip(1) {
        commands.push(command.trim_end().to_owned());
    }
    commands
}

/// A shell in this folder that finds the program that was built.
fn shell(folder: &Path, command: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_pop3-server")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.args(["-ec", command]).current_dir(folder).env("PATH", format!("{}:{path}", program.display()));
    for variable in ["POP3_SERVER_CONFIG", "POP3_SERVER_DATA", "POP3_SERVER_LOG"] {
        shell.env_remove(variable);
    }
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

#[test]
fn the_commands_of_the_readme_start_a_server_in_an_empty_folder() {
    let readme = document("README.md");
    let block = blocks(section(&readme, "For operators"), "console").remove(0);
    // Only the port is another: somebody may have that one.
    let block = block.replace("127.0.0.1:1995", "127.0.0.1:0");
    let mut commands = commands(&block);
    let serve = commands.pop().unwrap();
    assert!(commands.len() >= 4, "{commands:?}");
    let folder = root();
    for command in commands {
        let mut child = shell(folder.path(), &command).spawn().unwrap();
        // A command that reads nothing may be over already.
        let _ = child.stdin.take().unwrap().write_all(b"a password\n");
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut server = shell(folder.path(), &format!("exec {serve}")).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("Listening on 127.0.0.1:"), "{line}");
    stop(server);
}

#[test]
fn the_configurations_of_the_guide_are_taken() {
    let guide = document("docs/guide-operators.md");
    let configurations = blocks(&guide, "toml");
    assert!(!configurations.is_empty());
    for text in configurations {
        let folder = root();
        let data = folder.path();
        for name in ["users", "mail", "tls"] {
            fs::create_dir(data.join(name)).unwrap();
        }
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        fs::write(data.join("tls/certificate.pem"), certified.cert.pem()).unwrap();
        fs::write(data.join("tls/key.pem"), certified.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(data.join("tls/key.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        // The same in a folder that a test may write.
        let text = text
            .replace("/etc/pop3-server/", "tls/")
            .replace("/var/lib/pop3-server/", "users/")
            .replace("/var/mail/maildirs\"", "mail\"");
        let config = data.join("config.toml");
        fs::write(&config, &text).unwrap();
        for arguments in [&["user", "add", "alice", "--generate"][..], &["check"]] {
            let arguments = [&["--config", config.to_str().unwrap()], arguments].concat();
            let output = Program::command(&arguments).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}\n{text}");
        }
    }
}
