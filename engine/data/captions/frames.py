"""Who acts and in what sentence: subjects and sentence frames of the caption grammar.

Slots of a verb frame: {S} subject, {O} the same as object ("him"), {does} / {doing} / {do} /
{did} the verb phrase in that form, {is} / {was} / {begins} agreeing verbs, {They} pronoun.
Slots of a noun frame: {S}, {does_v}, {N} noun phrase. A number in front is the weight, `~` keeps
the line for evaluation.
"""

from __future__ import annotations

# subject | object form | possessive | pronoun | weight.  {adj} is where an adjective fits.
SUBJECTS = """
a {adj} person | a {adj} person | their | they | 12
the {adj} person | the {adj} person | their | they | 4
a {adj} man | a {adj} man | his | he | 6
the {adj} man | the {adj} man | his | he | 2
a {adj} woman | a {adj} woman | her | she | 4
the {adj} woman | the {adj} woman | her | she | 1
a {adj} figure | a {adj} figure | its | it | 2
the {adj} figure | the {adj} figure | its | it | 2
the {adj} character | the {adj} character | their | they | 3
a {adj} character | a {adj} character | their | they | 2
a {adj} human | a {adj} human | their | they | 1
a {adj} guy | a {adj} guy | his | he | 2
a {adj} boy | a {adj} boy | his | he | 1
a {adj} girl | a {adj} girl | her | she | 1
a {adj} human being | a {adj} human being | their | they | 1
this {adj} person | this {adj} person | their | they | 2
one {adj} person | one {adj} person | their | they | 1
the {adj} actor | the {adj} actor | their | they | 1
the {adj} avatar | the {adj} avatar | its | it | 1
{adj} person | a {adj} person | their | they | 3
{adj} man | a {adj} man | his | he | 1
someone | someone | their | they | 8
somebody | somebody | their | they | 3
he | him | his | he | 3
she | her | her | she | 3
they | them | their | they | 3
~ a {adj} individual | a {adj} individual | their | they | 3
~ the {adj} subject | the {adj} subject | their | they | 2
~ a {adj} stick figure | a {adj} stick figure | its | it | 2
~ a {adj} dude | a {adj} dude | his | he | 3
~ a {adj} lady | a {adj} lady | her | she | 2
~ the {adj} guy | the {adj} guy | his | he | 3
~ the {adj} model | the {adj} model | their | they | 1
~ some {adj} person | some {adj} person | their | they | 2
~ the {adj} mannequin | the {adj} mannequin | its | it | 1
"""

VERB_FRAMES = """
14 {S} {does}
8 {S} {is} {doing}
2 {S} {did}
1 {S} {was} {doing}
10 ! {do}
2 ! please {do}
2 ! {do}, please
5 - {doing}
2 - just {doing}
3 {S} who {is} {doing}
2 {S} who {does}
3 {S} {doing}
3 make {O} {do}
1 have {O} {do}
1 let {O} {do}
1 can you make {O} {do}?
3 show me {O} {doing}
2 show {O} {doing}
2 i want to see {O} {doing}
1 i would like to see {O} {doing}
1 i need {O} {doing}
1 give me {O} {doing}
1 generate {O} {doing}
1 create {O} {doing}
2 animate {O} {doing}
1 create an animation of {O} {doing}
1 a motion of {O} {doing}
1 an animation of {O} {doing}
1 a clip of {O} {doing}
1 a video of {O} {doing}
2 there is {O} {doing}
1 there is {O} who {is} {doing}
1 we see {O} {doing}
1 you can see {O} {doing}
1 in this clip {S} {does}
1 here {S} {does}
1 it shows {O} {doing}
1 {S} can be seen {doing}
1 {S} {begins} to {do}
1 {S} {begins} {doing}
1 the motion shows {O} {doing}
1 look how {S} {does}
1 {S} {does} in this scene
1 imagine {O} {doing}
1 how {S} {does}
1 how {aux} {S} {do}?
1 what if {S} {does}?
1 {O} {doing}, please
1 animation: {S} {does}
~ 3 {S} {is} shown {doing}
~ 3 could you show {O} {doing}?
~ 2 i'd love {O} to {do}
~ 3 get {O} to {do}
~ 2 a sequence in which {S} {does}
~ 2 picture {O} {doing}
~ 3 ! now {do}
~ 3 ! go ahead and {do}
~ 2 what does it look like when {S} {does}?
~ 2 you see {O} {doing}
~ 2 {S} {is} busy {doing}
~ 2 {S} {does}, nothing else
"""

NOUN_FRAMES = """
5 - {N}
3 {S} {performs} {N}
3 {S} {does_v} {N}
1 {S} {is} doing {N}
1 {S} {is} performing {N}
2 {S} {did_v} {N}
3 ! do {N}
1 ! perform {N}
2 show me {N}
1 make {O} do {N}
1 i want to see {N}
1 an animation of {N}
1 a motion of {N}
1 animate {N}
1 there is {O} doing {N}
1 {N}, please
~ 3 let's see {N}
~ 3 give me {N}
~ 3 {S} {is} seen doing {N}
~ 3 can i get {N}?
"""

CLAUSE_FRAMES = """
12 - {C}
1 - {C}, please
1 - ok, {C}
1 - now {C}
~ 3 - {C}, that is all
~ 2 - okay then, {C}
"""
