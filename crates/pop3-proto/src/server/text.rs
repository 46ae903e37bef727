/// What a server says to humans; the texts themselves are in a [`Catalogue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is named after its English text in the catalogue below")]
pub enum Text {
    BadArguments,
    BadBase64,
    BadCredentials,
    BeginTls,
    CapabilitiesFollow,
    ExchangeCancelled,
    Goodbye,
    InUse,
    LanguagesFollow,
    LineTooLong,
    LoggedIn,
    LoginDelay,
    MarkedAsDeleted,
    MarksTakenAway,
    MessageFollows,
    MessageUnavailable,
    MessagesFollow,
    MechanismsFollow,
    NameAccepted,
    NeedsTls,
    NoLanguage,
    NoMechanism,
    NoName,
    NoSuchMessage,
    NotAfterUtf8,
    NotAscii,
    NotAvailable,
    Nothing,
    Permanent,
    Removed,
    ShuttingDown,
    SomeNotRemoved,
    Temporary,
    TooManyErrors,
    UnknownCommand,
    Utf8Mode,
    WrongState,
}

impl Text {
    /// Every text there is.
    pub const ALL: [Self; 37] = [
        Self::BadArguments,
        Self::BadBase64,
        Self::BadCredentials,
        Self::BeginTls,
        Self::CapabilitiesFollow,
        Self::ExchangeCancelled,
        Self::Goodbye,
        Self::InUse,
        Self::LanguagesFollow,
        Self::LineTooLong,
        Self::LoggedIn,
        Self::LoginDelay,
        Self::MarkedAsDeleted,
        Self::MarksTakenAway,
        Self::MessageFollows,
        Self::MessageUnavailable,
        Self::MessagesFollow,
        Self::MechanismsFollow,
        Self::NameAccepted,
        Self::NeedsTls,
        Self::NoLanguage,
        Self::NoMechanism,
        Self::NoName,
        Self::NoSuchMessage,
        Self::NotAfterUtf8,
        Self::NotAscii,
        Self::NotAvailable,
        Self::Nothing,
        Self::Permanent,
        Self::Removed,
        Self::ShuttingDown,
        Self::SomeNotRemoved,
        Self::Temporary,
        Self::TooManyErrors,
        Self::UnknownCommand,
        Self::Utf8Mode,
        Self::WrongState,
    ];
}

/// The texts of one language. RFC 6856 section 3.
#[derive(Debug, Clone, Copy)]
pub struct Catalogue {
    /// The tag that LANG selects it by.
    pub tag: &'static str,
    /// The language's name in itself.
    pub description: &'static str,
    /// The text, in UTF-8: at most 400 octets, without controls, not beginning with `[`.
    pub text: fn(Text) -> &'static str,
}

impl Catalogue {
    /// English; every session begins with it.
    pub const ENGLISH: Self = Self { tag: "en", description: "English", text: english };
    /// German.
    pub const GERMAN: Self = Self { tag: "de", description: "Deutsch", text: german };
}

impl Catalogue {
    /// Whether every text can stand in a response as it is. RFC 2449 sections 4 and 6.4.
    pub(super) fn is_sendable(&self) -> bool {
        let is_harmless =
            |text: &str| text.len() <= 400 && !text.starts_with('[') && !text.chars().any(char::is_control);
        is_harmless(self.description) && Text::ALL.iter().all(|&text| is_harmless((self.text)(text)))
    }
}

const fn english(text: Text) -> &'static str {
    match text {
        Text::BadArguments => "Wrong arguments for this command",
        Text::BadBase64 => "That is not base64",
        Text::BadCredentials => "Name or password is wrong",
        Text::BeginTls => "Begin TLS negotiation now",
        Text::CapabilitiesFollow => "Capability list follows",
        Text::ExchangeCancelled => "Authentication cancelled",
        Text::Goodbye => "Goodbye",
        Text::InUse => "Another session has this maildrop open; try again later",
        Text::LanguagesFollow => "Language list follows",
        Text::LineTooLong => "That line is too long",
        Text::LoggedIn => "Maildrop open and locked",
        Text::LoginDelay => "Too soon after the last login; try again later",
        Text::MarkedAsDeleted => "Marked as deleted",
        Text::MarksTakenAway => "No message is marked any more",
        Text::MessageFollows => "Message follows",
        Text::MessageUnavailable => "That message cannot be read",
        Text::MessagesFollow => "List follows",
        Text::MechanismsFollow => "Mechanisms follow",
        Text::NameAccepted => "Send PASS",
        Text::NeedsTls => "Passwords are accepted under TLS only; use STLS or the TLS port",
        Text::NoLanguage => "That language is not available",
        Text::NoMechanism => "That mechanism is not available here",
        Text::NoName => "Send USER first",
        Text::NoSuchMessage => "There is no such message",
        Text::NotAfterUtf8 => "Not after UTF8; use STLS first",
        Text::NotAscii => "Names and passwords have to be ASCII here",
        Text::NotAvailable => "Not available here",
        Text::Nothing => "",
        Text::Permanent => "The maildrop cannot be opened; tell the postmaster",
        Text::Removed => "Goodbye, marked messages are removed",
        Text::ShuttingDown => "The server is shutting down; try again later",
        Text::SomeNotRemoved => "Some marked messages could not be removed",
        Text::Temporary => "The maildrop cannot be opened now; try again later",
        Text::TooManyErrors => "Too many errors",
        Text::UnknownCommand => "Unknown command",
        Text::Utf8Mode => "UTF-8 mode",
        Text::WrongState => "Not in this state",
    }
}

const fn german(text: Text) -> &'static str {
    match text {
        Text::BadArguments => "Falsche Argumente f\u{fc}r diesen Befehl",
        Text::BadBase64 => "Das ist kein Base64",
        Text::BadCredentials => "Name oder Passwort ist falsch",
        Text::BeginTls => "Jetzt mit TLS beginnen",
        Text::CapabilitiesFollow => "Liste der F\u{e4}higkeiten folgt",
        Text::ExchangeCancelled => "Anmeldung abgebrochen",
        Text::Goodbye => "Auf Wiedersehen",
        Text::InUse => "Eine andere Sitzung hat dieses Postfach offen; sp\u{e4}ter noch einmal",
        Text::LanguagesFollow => "Liste der Sprachen folgt",
        Text::LineTooLong => "Diese Zeile ist zu lang",
        Text::LoggedIn => "Postfach ist offen und gesperrt",
        Text::LoginDelay => "Zu bald nach der letzten Anmeldung; sp\u{e4}ter noch einmal",
        Text::MarkedAsDeleted => "Zum L\u{f6}schen vorgemerkt",
        Text::MarksTakenAway => "Keine Nachricht ist mehr vorgemerkt",
        Text::MessageFollows => "Nachricht folgt",
        Text::MessageUnavailable => "Diese Nachricht ist nicht lesbar",
        Text::MessagesFollow => "Liste folgt",
        Text::MechanismsFollow => "Verfahren folgen",
        Text::NameAccepted => "PASS senden",
        Text::NeedsTls => "Passw\u{f6}rter nur unter TLS; STLS oder den TLS-Port benutzen",
        Text::NoLanguage => "Diese Sprache gibt es hier nicht",
        Text::NoMechanism => "Dieses Verfahren gibt es hier nicht",
        Text::NoName => "Zuerst USER senden",
        Text::NoSuchMessage => "Diese Nachricht gibt es nicht",
        Text::NotAfterUtf8 => "Nicht nach UTF8; zuerst STLS",
        Text::NotAscii => "Namen und Passw\u{f6}rter hier nur in ASCII",
        Text::NotAvailable => "Hier nicht verf\u{fc}gbar",
        Text::Nothing => "",
        Text::Permanent => "Das Postfach l\u{e4}sst sich nicht \u{f6}ffnen; bitte dem Postmaster melden",
        Text::Removed => "Auf Wiedersehen, vorgemerkte Nachrichten sind entfernt",
        Text::ShuttingDown => "Der Server wird beendet; sp\u{e4}ter noch einmal",
        Text::SomeNotRemoved => "Einige vorgemerkte Nachrichten lie\u{df}en sich nicht entfernen",
        Text::Temporary => "Das Postfach l\u{e4}sst sich gerade nicht \u{f6}ffnen; sp\u{e4}ter noch einmal",
        Text::TooManyErrors => "Zu viele Fehler",
        Text::UnknownCommand => "Unbekannter Befehl",
        Text::Utf8Mode => "UTF-8-Modus",
        Text::WrongState => "Nicht in diesem Zustand",
    }
}
