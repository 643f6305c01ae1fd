"""A plain sentence in each of some languages, for models to say."""

_PHRASES = {
    "ar": "صباح الخير، الطقس جميل اليوم.",
    "cs": "Dobré ráno, dnes je krásné počasí.",
    "de": "Guten Morgen, heute ist das Wetter schön.",
    "en": "Good morning, the weather is fine today.",
    "es": "Buenos días, hoy hace buen tiempo.",
    "fr": "Bonjour, il fait beau aujourd'hui.",
    "hi": "नमस्ते, आज मौसम बहुत अच्छा है।",
    "hu": "Jó reggelt, ma szép idő van.",
    "it": "Buongiorno, oggi il tempo è bello.",
    "ja": "おはようございます、今日はいい天気ですね。",
    "ko": "안녕하세요, 오늘은 날씨가 좋네요.",
    "nl": "Goedemorgen, het is mooi weer vandaag.",
    "pl": "Dzień dobry, dzisiaj jest ładna pogoda.",
    "pt": "Bom dia, hoje o tempo está bom.",
    "ru": "Доброе утро, сегодня хорошая погода.",
    "tr": "Günaydın, bugün hava çok güzel.",
    "zh": "早上好，今天天气很好。",
}


def phrase_in(language: str) -> str:
    """The sentence in a language, named by a code such as ``pt`` or ``pt-br``; "" where there is none."""
    return _PHRASES.get(language.lower().replace("_", "-").split("-")[0], "")
