"""How each style is said: adjectives, adverbs, kinds of people, trailing clauses, whole sentences.

Columns, separated by `|` inside a line: `~` marks what is kept for evaluation.
  adj: before the person            adv: beside the verb
  who: replaces the person          tail: after the verb phrase
  lead: before the sentence         also: a second sentence
  noun: beside a noun ("a tired walk")
"""

from __future__ import annotations

_TIRED = {
    "adj": "tired | exhausted | very tired | weary | worn-out | sleepy | drained | fatigued"
    "| completely exhausted | dead tired | ~ weak and tired | ~ really tired | ~ knackered"
    "| ~ spent | ~ utterly drained",
    "adv": "wearily | tiredly | sluggishly | with little energy | in a tired way | heavily"
    "| without any energy | slowly and wearily"
    "| ~ lethargically | ~ in an exhausted manner | ~ listlessly",
    "who": "a person who is exhausted | someone who is very tired | a worn-out man"
    "| someone with no energy left | ~ somebody who has not slept for days"
    "| ~ a guy at the end of his strength",
    "tail": "as if exhausted | like someone very tired | with hanging shoulders"
    "| , barely able to keep going | as if after a long day | , clearly out of energy"
    "| , worn out | with the head hanging | as though about to fall asleep"
    "| like after a marathon | ~ , totally wiped out | ~ as if every move costs a lot of effort"
    "| ~ like a person who needs sleep | ~ with drooping shoulders | ~ looking exhausted",
    "lead": "exhausted | tired out | feeling very tired | at the end of {their} strength"
    "| ~ completely drained | ~ after a sleepless night",
    "also": "{They} look* exhausted | {They} seem* very tired | {They} have* no energy left"
    "| {Their} shoulders are hanging | {They} be* clearly worn out | ~ {They} appear* drained"
    "| ~ {They} can barely keep going",
    "noun": "tired | weary | exhausted | sluggish | ~ drained",
}

_OLD = {
    "adj": "old | elderly | aged | frail old | very old | ~ ancient | ~ frail | ~ stooped old",
    "adv": "like an old person | like an elderly person | in an elderly manner | stiffly with age"
    "| in an old person's way | slowly like an old person"
    "| ~ in a frail way | ~ the way old people do",
    "who": "an old man | an elderly man | an old woman | an elderly woman | a grandpa | a grandma"
    "| an old lady | an elderly person | a senior | a person of old age | someone who is very old"
    "| ~ a grandfather | ~ a pensioner | ~ a 90 year old | ~ an old guy with a bent back",
    "tail": "like an old man | like an old person | as if very old | with stiff old joints"
    "| like a grandmother | with a bent back | as an old man would | like a senior citizen"
    "| ~ like a grandfather | ~ as if {their} back hurts | ~ like somebody of ninety",
    "lead": "bent with age | as an old person | being very old | ~ stiff with age",
    "also": "{They} be* old | {They} look* very old | {They} move* like an old person"
    "| {They} be* an elderly person | ~ {They} must be ninety | ~ {Their} age shows",
    "noun": "frail | elderly | stiff | ~ old man's",
}

_LIVELY = {
    "adj": "energetic | lively | very active | dynamic | vigorous | active | peppy"
    "| ~ full-of-energy | ~ hyper | ~ spirited",
    "adv": "energetically | with lots of energy | in a lively way | vigorously | dynamically"
    "| actively | with vigor | in an energetic way | ~ with great energy | ~ with much zest"
    "| ~ in a spirited manner",
    "who": "a person full of energy | someone full of energy | an energetic man | a lively woman"
    "| ~ somebody bursting with energy | ~ a very active guy",
    "tail": "with a lot of energy | , full of energy | as if bursting with energy | with big moves"
    "| , very energetic | in high gear | ~ with plenty of pep | ~ like after three coffees"
    "| ~ , wide awake and full of drive",
    "lead": "full of energy | feeling energetic | ~ bursting with energy",
    "also": "{They} be* full of energy | {They} look* energetic | {Their} movement is lively"
    "| ~ {They} have* energy to spare | ~ {They} seem* very active",
    "noun": "energetic | lively | vigorous | dynamic | ~ spirited",
}

STYLE_WORDS: dict[str, dict[str, str]] = {
    "neutral": {
        "adv": "normally | in a normal way | naturally | ~ the usual way",
        "tail": "in a normal manner | as usual | ~ like people normally do",
        "noun": "normal | ordinary | ~ regular",
    },
    "active": _LIVELY,
    "angry": {
        "adj": "angry | furious | mad | annoyed | enraged | very angry | ~ raging | ~ irritated",
        "adv": "angrily | furiously | in an angry way | aggressively | in anger | ~ in a rage"
        "| ~ with rage",
        "who": "a person in a bad temper | someone who is angry | an angry man | an angry woman"
        "| ~ somebody boiling with rage",
        "tail": "as if angry | , clearly angry | in an angry mood | , full of anger"
        "| like someone who is furious | with clenched fists | ~ , fuming | ~ in a bad temper",
        "lead": "angry | furious | full of anger | ~ fuming with rage",
        "also": "{They} look* angry | {They} be* furious | {They} seem* really mad"
        "| ~ {They} be* boiling inside | ~ {They} appear* very annoyed",
        "noun": "angry | furious | aggressive | ~ enraged",
    },
    "childish": {
        "adj": "childish | childlike | playful | ~ silly | ~ kid-like",
        "adv": "childishly | playfully | like a child | in a childish way | ~ like a little kid"
        "| ~ in a playful manner",
        "who": "a child | a kid | a little boy | a little girl | a small child | ~ a young kid"
        "| ~ a toddler",
        "tail": "like a child | as a kid would | like a playful child | as if {they} were five"
        "| ~ like a kid in a playground | ~ , playing around like a child",
        "lead": "like a child | being childish | ~ playful as a kid",
        "also": "{They} act* like a child | {They} be* being childish| ~ {They} behave* like a kid",
        "noun": "childish | playful | childlike | ~ kid-like",
    },
    "chimpira": {
        "adj": "swaggering | thuggish | cocky | loutish | tough-looking | ~ arrogant | ~ punk-like",
        "adv": "with a swagger | like a thug | in a thuggish way | cockily | like a gangster"
        "| ~ like a street punk | ~ arrogantly",
        "who": "a thug | a gangster | a hoodlum | a street thug | a punk | a yakuza | a tough guy"
        "| ~ a hooligan | ~ a small-time crook",
        "tail": "like a thug | like a gangster | with a cocky swagger | like a tough guy looking"
        " for trouble | as a hoodlum would | ~ like a street gang member | ~ , all swagger",
        "lead": "swaggering like a thug | acting tough | ~ looking for a fight",
        "also": "{They} act* like a thug | {They} look* like a gangster"
        "| {They} want* to look tough | ~ {They} behave* like a punk",
        "noun": "swaggering | thuggish | cocky | ~ punk-like",
    },
    "depressed": {
        "adj": "depressed | gloomy | downcast | dejected | ~ miserable | ~ hopeless",
        "adv": "gloomily | in a depressed way | dejectedly | ~ miserably",
        "who": "a person in a depression | someone who is depressed | ~ a person without hope",
        "tail": "as if depressed | with the head down | , looking depressed | in low spirits"
        "| ~ , feeling hopeless",
        "lead": "depressed | feeling down | ~ feeling hopeless",
        "also": "{They} look* depressed | {They} feel* down | ~ {They} seem* hopeless",
        "noun": "depressed | gloomy | ~ miserable",
    },
    "elderly": _OLD,
    "exhausted": _TIRED,
    "feminine": {
        "adj": "feminine | ladylike | graceful feminine | ~ girly | ~ womanly",
        "adv": "in a feminine way | in a ladylike way | like a woman | gracefully like a lady"
        "| with feminine grace | ~ in a womanly manner | ~ like a lady",
        "who": "a woman | a lady | a girl | a feminine woman | an elegant woman | a graceful lady"
        "| ~ a ladylike person | ~ a young lady",
        "tail": "like a lady | like a woman | in a girly way | with a feminine touch"
        "| as an elegant woman would | ~ like a girl | ~ like a fashion model",
        "lead": "with feminine grace | in a feminine manner | ~ ladylike",
        "also": "{They} move* in a feminine way | {Their} moves are feminine"
        "| ~ {They} look* ladylike",
        "noun": "feminine | ladylike | ~ womanly",
    },
    "giant": {
        "adj": "giant | gigantic | huge, heavy | enormous | ~ colossal | ~ hulking",
        "adv": "like a giant | heavily like a giant | ponderously | with great weight"
        "| ~ like an enormous monster | ~ like something very big and heavy",
        "who": "a giant | a huge giant | an enormous giant | a giant monster | a heavy giant"
        "| ~ a titan | ~ a colossus | ~ a big troll",
        "tail": "like a giant | like a huge, heavy monster | as if {they} were a giant"
        "| as if weighing many tons | like a giant that shakes the ground | ~ like a troll"
        "| ~ like a huge ogre",
        "lead": "like a giant | big and heavy as a giant | ~ huge as a house",
        "also": "{They} move* like a giant | {They} be* huge and heavy"
        "| ~ {They} look* like a titan",
        "noun": "heavy, giant-like | ponderous | giant's | ~ hulking",
    },
    "happy": {
        "adj": "happy | cheerful | joyful | glad | very happy | merry | ~ delighted | ~ jolly",
        "adv": "happily | cheerfully | joyfully | with joy | in a happy way | ~ merrily"
        "| ~ in a good mood",
        "who": "a person in a good mood | someone who is happy | a happy man | a happy woman"
        "| ~ somebody in high spirits",
        "tail": "in a happy mood | in a good mood | , clearly happy | as if {they} had good news"
        "| , full of joy | ~ in high spirits | ~ , beaming with joy",
        "lead": "happy | in a good mood | full of joy | ~ delighted",
        "also": "{They} look* happy | {They} be* in a good mood | {They} feel* great"
        "| ~ {They} seem* delighted | ~ {They} be* overjoyed",
        "noun": "happy | cheerful | joyful | ~ merry",
    },
    "masculine": {
        "adj": "masculine | manly | macho | ~ virile | ~ burly",
        "adv": "in a masculine way | in a manly way | like a man | like a macho"
        "| ~ in a manly manner | ~ like a real man",
        "who": "a masculine man | a manly man | a macho man | a macho | a strong man"
        "| ~ a burly man | ~ a real man",
        "tail": "like a macho | like a tough man | as a strong man would | with broad shoulders"
        "| ~ like a real man | ~ in a macho style",
        "lead": "in a masculine manner | manly and strong | ~ with manly strength",
        "also": "{They} move* in a masculine way | {Their} moves are manly"
        "| ~ {They} look* very manly",
        "noun": "masculine | manly | macho | ~ virile",
    },
    "musical": {
        "adj": "rhythmic | dancing | musical | grooving | ~ swinging | ~ funky",
        "adv": "rhythmically | to the beat | in rhythm | as if to music | in a musical way"
        "| ~ to the music | ~ with a groove",
        "who": "a musical actor | a dancer | someone in a musical | ~ a Broadway performer",
        "tail": "as if dancing | in time with music | like a dancer | as in a musical"
        "| like someone who hears music | ~ to a groove | ~ with dance-like moves",
        "lead": "moving to music | in rhythm | ~ hearing a beat",
        "also": "{They} move* as if dancing | {They} seem* to hear music| ~ {They} follow* a beat",
        "noun": "rhythmic | dance-like | musical | ~ swinging",
    },
    "not-confident": {
        "adj": "shy | timid | insecure | hesitant | nervous | unsure | ~ bashful | ~ anxious",
        "adv": "shyly | timidly | hesitantly | without confidence | nervously | in a shy way"
        "| uncertainly | ~ bashfully | ~ insecurely",
        "who": "someone who is shy | a person with no confidence | a shy man | a shy girl"
        "| someone unsure of themselves | ~ a person lacking self-esteem | ~ a bashful kid",
        "tail": "as if shy | , unsure of {themselves} | without confidence | , a bit nervous"
        "| as if afraid of being seen | ~ , lacking confidence | ~ like a timid person",
        "lead": "shy | feeling insecure | not very confident | ~ unsure of {themselves}",
        "also": "{They} look* shy | {They} be* not confident | {They} seem* nervous and unsure"
        "| ~ {They} lack* confidence",
        "noun": "shy | timid | hesitant | ~ bashful",
    },
    "old": _OLD,
    "proud": {
        "adj": "proud | confident | self-assured | haughty | ~ dignified | ~ boastful",
        "adv": "proudly | confidently | with pride | in a proud way | ~ with great confidence"
        "| ~ in a dignified way",
        "who": "someone who is proud | a proud man | a proud woman | a confident person"
        "| ~ a person with great self-esteem | ~ a proud king",
        "tail": "with the chest out | as if very proud | , full of pride | with the head held high"
        "| like a king | ~ , sure of {themselves} | ~ like someone important",
        "lead": "proud | full of pride | chest out | ~ sure of {themselves}",
        "also": "{They} look* proud | {They} be* very confident | ~ {They} seem* full of pride",
        "noun": "proud | confident | ~ dignified",
    },
    "sad": {
        "adj": "sad | unhappy | sorrowful | heartbroken | very sad | ~ miserable | ~ downhearted",
        "adv": "sadly | unhappily | slowly and sadly | in a sad way | with sorrow"
        "| ~ mournfully | ~ miserably",
        "who": "someone who is sad | a person in grief | a sad man | a sad woman"
        "| ~ somebody about to cry",
        "tail": "in a sad mood | as if sad | , looking unhappy | with the head down"
        "| as if about to cry | , full of sorrow | ~ , feeling blue | ~ as if {they} lost a friend",
        "lead": "sad | feeling sad | full of sorrow | ~ feeling blue",
        "also": "{They} look* sad | {They} be* unhappy | {They} seem* heartbroken"
        "| ~ {They} feel* blue",
        "noun": "sad | unhappy | sorrowful | ~ mournful",
    },
    "sexy": {
        "adj": "sexy | seductive | alluring | ~ sensual",
        "adv": "seductively | in a sexy way | sensually | ~ with swaying hips",
        "who": "a catwalk model | ~ a fashion model on the runway",
        "tail": "in a sexy manner | with swinging hips | like a model | ~ like on a catwalk",
        "lead": "trying to look sexy | ~ sexy and slow",
        "also": "{They} look* sexy | ~ {They} seem* seductive",
        "noun": "sexy | seductive | ~ sensual",
    },
    "strutting": {
        "adj": "strutting | showy | swaggering | ~ self-important",
        "adv": "with a strut | showily | in a strutting manner | ~ like a peacock",
        "who": "a show-off | ~ a peacock of a man",
        "tail": "with a strut | , showing off | like a show-off | ~ like a peacock",
        "lead": "strutting | showing off | ~ like a peacock",
        "also": "{They} show* off | ~ {They} want* to impress people",
        "noun": "strutting | showy | ~ self-important",
    },
    "tired": _TIRED,
    "youthful": {
        "adj": "youthful | young | fresh and young | light-footed young | ~ teenage | ~ sprightly",
        "adv": "youthfully | in a youthful way | like a young person | with youthful energy"
        "| ~ like a teenager | ~ in a sprightly way",
        "who": "a young man | a young woman | a young person | a teenager | a youngster | a youth"
        "| ~ a young guy | ~ a twenty year old",
        "tail": "like a young person | with the freshness of youth | like a teenager"
        "| as young people do | ~ like a youngster | ~ , young and fresh",
        "lead": "young and fresh | with youthful spirit | ~ young at heart",
        "also": "{They} be* young | {They} look* youthful | {Their} moves are youthful"
        "| ~ {They} seem* like a teenager",
        "noun": "youthful | fresh, young | ~ sprightly",
    },
}

# Verbs that say walking (or running) and the style at once; they replace "walk" in phrases that
# start with it. `~` as above.
_PLOD = "trudge* | plod* | shuffle* | drag* {themselves} | ~ traipse* | ~ slog*"
_HOBBLE = "shuffle* | hobble* | totter* | shamble* | ~ dodder* | ~ toddle*"
_MARCH = "stride* briskly | march* | step* lively | ~ walk* with a spring in {their} step"

STYLE_WALKS: dict[str, str] = {
    "active": _MARCH,
    "angry": "stomp* | storm* | stamp* | ~ walk* in a huff",
    "childish": "toddle* | skip* | ~ scamper*",
    "chimpira": "swagger* | strut* | slouch* | ~ walk* with a tough-guy swagger",
    "depressed": "trudge* | mope* | slouch* | ~ drag* {their} feet",
    "elderly": _HOBBLE,
    "exhausted": _PLOD,
    "feminine": "sashay* | glide* | walk* gracefully | ~ mince*",
    "giant": "stomp* | lumber* | walk* with heavy steps | ~ thud*",
    "happy": "prance* | bounce* | walk* with a spring in {their} step | ~ skip* merrily",
    "masculine": "stride* | swagger* | walk* with heavy, manly steps | ~ walk* broad-shouldered",
    "musical": "dance* | bop* | walk* to the beat | ~ boogie*",
    "not-confident": "shuffle* shyly | walk* timidly | edge* | ~ creep* shyly",
    "old": _HOBBLE,
    "proud": "strut* | stride* | parade* | ~ walk* with {their} nose in the air",
    "sad": "trudge* | mope* | walk* with {their} head down | ~ drag* {their} feet",
    "sexy": "sashay* | ~ sway* {their} hips and walk*",
    "strutting": "strut* | parade* | ~ peacock*",
    "tired": _PLOD,
    "youthful": _MARCH,
}
STYLE_RUNS: dict[str, str] = {
    "angry": "charge* | storm* | ~ run* in a rage",
    "elderly": "trot* | shuffle* at a run | ~ hobble* at a run",
    "exhausted": "jog* wearily | trot* heavily | ~ drag* {themselves} along at a run",
    "giant": "thunder* | ~ pound* heavily",
    "happy": "run* joyfully | bounce* | ~ romp*",
    "old": "trot* | shuffle* at a run | ~ hobble* at a run",
    "tired": "jog* wearily | trot* heavily | ~ drag* {themselves} along at a run",
}
