//! The program `pop3-conform`.

mod arguments;
mod deliver;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use clap::Parser as _;

use self::arguments::Arguments;
use super::{CaseReport, Library, Mode, Options, Report, Roots, Verdict, known_mail, run};

/// Runs it with the arguments of the process. 0: no failures; 1: failures; 2: it could not run.
#[must_use]
pub fn main() -> ExitCode {
    match execute(&Arguments::parse()) {
        Ok(code) => code,
        Err(sentence) => {
            let _ = writeln!(std::io::stderr(), "pop3-conform: {sentence}");
            ExitCode::from(2)
        }
    }
}

fn execute(arguments: &Arguments) -> Result<ExitCode, String> {
    if let Some(folder) = &arguments.write_mail {
        return write_mail(folder).map(|()| ExitCode::SUCCESS);
    }
    let mut library = match &arguments.cases {
        Some(folder) => Library::read(folder)?,
        None => Library::built_in()?,
    };
    library.choose(&arguments.case)?;
    if arguments.list {
        print(&list(&library))?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = options(arguments)?;
    let mut done = 0;
    let all = library.cases.len();
    let report = run(&options, &library.cases, |case| {
        done += 1;
        progress(arguments, case, done, all);
    })?;
    let text = report.written(arguments.format(), &library.sections);
    match &arguments.output {
        Some(path) => {
            fs::write(path, &text)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
            print(&report.written(arguments.format_for_people(), &library.sections))?;
        }
        None => print(&text)?,
    }
    Ok(code(&report, arguments.strict))
}

fn code(report: &Report, is_strict: bool) -> ExitCode {
    if report.has_failures(is_strict) {
        ExitCode::from(1)
    } else if report.count(Verdict::Undecided) > 0 || report.ended.is_some() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}

/// A line for each case on the error output, where somebody asked for it.
fn progress(arguments: &Arguments, case: &CaseReport, done: usize, all: usize) {
    if arguments.verbose {
        // Where nobody reads it, the run goes on.
        let _ = writeln!(
            std::io::stderr(),
            "{done}/{all} {}: {} ({:.2} s)",
            case.name,
            case.verdict.words(),
            case.duration.as_secs_f32()
        );
    }
}

fn options(arguments: &Arguments) -> Result<Options, String> {
    let server = arguments.server.as_deref().ok_or("say which server: pop3-conform HOST:PORT --user NAME")?;
    let (host, port) = host_and_port(server, arguments.tls)?;
    let user = arguments.user.as_deref().ok_or("say who logs in: --user NAME")?;
    let password =
        arguments.password.as_deref().ok_or("give the password: --password, or POP3_CONFORM_PASSWORD")?;
    let mut options = Options::new(&host, port, user, password);
    options.mode = match (arguments.tls, arguments.stls) {
        (true, _) => Mode::Tls,
        (_, true) => Mode::Stls,
        _ => Mode::Plain,
    };
    options.trust = match (&arguments.ca, arguments.insecure) {
        (_, true) => Roots::InsecureAcceptAny,
        (Some(path), _) => Roots::File(path.clone()),
        _ => Roots::System,
    };
    if let (Some(user), Some(password)) = (&arguments.second_user, &arguments.second_password) {
        options.second = Some(super::Account { user: user.clone(), password: password.clone() });
    }
    options.writable = arguments.writable;
    if let Some(command) = &arguments.deliver_command {
        if !arguments.writable {
            return Err("--deliver-command writes mail, so it takes --writable as well".to_owned());
        }
        options.deliver = Some(deliver::by_command(command));
    }
    options.timeout = arguments.timeout;
    options.pause = arguments.pause;
    options.total_time = arguments.total_time;
    options.failed_logins = arguments.failed_logins;
    options.command = arguments.command();
    Ok(options)
}

/// `host`, `host:port`, `[address]:port`.
fn host_and_port(server: &str, is_tls: bool) -> Result<(String, u16), String> {
    let default = if is_tls { 995 } else { 110 };
    let is_address = server.starts_with('[') && server.ends_with(']') || server.matches(':').count() > 1;
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !is_address || server.contains("]:") => {
            let port = port.parse().map_err(|_| format!("{port} in {server} is no port; write HOST:PORT"))?;
            (host, port)
        }
        _ => (server, default),
    };
    Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
}

fn list(library: &Library) -> String {
    let mut text = String::new();
    for section in &library.sections {
        let cases: Vec<_> = library.cases.iter().filter(|case| case.folder() == section.folder).collect();
        if !cases.is_empty() {
            text.push_str(&format!("{}\n", section.heading()));
        }
        for case in cases {
            let (level, rows) = (case.level.name(), case.rows.join(" "));
            text.push_str(&format!("  {:<44} {level:<8} {} [{rows}]\n", case.name, case.title));
        }
    }
    text
}

fn write_mail(folder: &Path) -> Result<(), String> {
    let failed = |path: &Path, error| format!("{} cannot be written: {error}", path.display());
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for mail in known_mail() {
        let path = folder.join(format!("{}.eml", mail.name));
        fs::write(&path, mail.octets).map_err(|error| failed(&path, error))?;
    }
    print(&format!("{} messages are in {}\n", known_mail().len(), folder.display()))
}

fn print(text: &str) -> Result<(), String> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        // Nobody reads it any more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(format!("cannot write the report: {error}; name a file with --output")),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (server, is_tls, host, port) in [
            ("pop.example.org", false, "pop.example.org", 110),
            ("pop.example.org", true, "pop.example.org", 995),
            ("127.0.0.1:1110", false, "127.0.0.1", 1110),
            ("[::1]:1110", true, "::1", 1110),
            ("[::1]", true, "::1", 995),
            ("::1", false, "::1", 110),
        ] {
            assert_eq!(host_and_port(server, is_tls), Ok((host.to_owned(), port)), "{server}");
        }
        assert!(host_and_port("host:port", false).unwrap_err().contains("no port"));
    }
}
