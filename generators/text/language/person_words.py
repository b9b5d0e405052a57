"""Nouns of people, of parts of their bodies and of where they come from."""

# ruff: noqa: SIM905 - lists of hundreds of words read better as text.

from __future__ import annotations

PEOPLE = frozenset(
    """
person people man woman guy gal lady gentleman male female fellow dude bloke lad lass chap folk folks human mankind humanity individual someone
soul citizen civilian resident inhabitant villager townsperson local native foreigner immigrant migrant refugee evacuee alien boy girl child kid
baby infant newborn toddler tot youngster youth teen teenager tween preteen adolescent juvenile minor adult grownup grown-up elder senior
pensioner retiree centenarian oldster boomer millennial mother father mom mum mommy mama mamma dad daddy papa pa parent son daughter brother
sister sibling twin triplet quadruplet grandmother grandfather grandma grandpa granny gran nana grandparent grandchild grandson granddaughter
uncle aunt auntie cousin nephew niece husband wife spouse hubby widow widower stepmother stepfather stepson stepdaughter godmother godfather
orphan relative ancestor descendant heir heiress bride groom bridegroom bridesmaid groomsman fiance fiancee fiancé fiancée newlywed boyfriend
girlfriend lover sweetheart mate partner friend buddy pal companion acquaintance neighbor neighbour roommate housemate flatmate classmate
schoolmate teammate colleague coworker co-worker peer stranger guest host hostess visitor houseguest partygoer reveler reveller celebrant attendee
participant contestant competitor challenger opponent rival winner champion champ loser finalist medalist runner-up player athlete sportsman
sportswoman sportsperson olympian batter batsman catcher pitcher hitter baseman shortstop outfielder infielder fielder umpire referee ref linesman
coach trainer instructor tutor mentor quarterback linebacker receiver goalie goalkeeper goaltender striker midfielder defender dribbler shooter
golfer caddy caddie skier snowboarder skateboarder skater surfer bodyboarder windsurfer kitesurfer kiteboarder wakeboarder paddleboarder boarder
bodysurfer swimmer diver snorkeler runner jogger sprinter hurdler racer cyclist bicyclist biker motorcyclist motorist rider equestrian jockey
bullfighter matador toreador hiker climber mountaineer backpacker camper explorer adventurer boxer wrestler fighter gymnast acrobat juggler
cheerleader dancer ballerina bowler fencer archer rower paddler canoeist kayaker sailor seaman yachtsman boater paraglider parasailer parachutist
skydiver stuntman daredevil rollerblader kicker server lifter weightlifter bodybuilder jumper marathoner triathlete pro amateur novice beginner
rookie veteran expert fan spectator onlooker bystander watcher viewer observer passerby passer-by pedestrian walker commuter traveler traveller
tourist sightseer vacationer holidaymaker beachgoer bather sunbather passenger hitchhiker driver chauffeur cabbie trucker pilot copilot aviator
flier flyer astronaut cosmonaut stewardess steward conductor engineer officer policeman policewoman police cop constable sheriff deputy detective
trooper marshal ranger guard bodyguard lifeguard sentry sentinel gatekeeper doorman bouncer soldier troop marine infantryman cavalryman
paratrooper airman serviceman servicewoman warrior gunman sniper general colonel major captain lieutenant sergeant corporal private admiral
commander cadet recruit firefighter fireman firewoman paramedic emt rescuer medic doctor physician surgeon nurse dentist orthodontist veterinarian
vet pharmacist therapist psychologist patient midwife optometrist caregiver nanny babysitter sitter worker employee staffer employer boss manager
supervisor foreman executive ceo businessman businesswoman businessperson entrepreneur banker accountant broker clerk cashier teller receptionist
secretary assistant aide intern apprentice attendant valet porter bellhop bellboy concierge janitor cleaner custodian maid housekeeper butler
servant maidservant laborer labourer handyman craftsman craftswoman craftsperson artisan builder bricklayer mason carpenter plumber electrician
welder roofer painter decorator mechanic technician repairman blacksmith tailor seamstress cobbler shoemaker weaver potter jeweler jeweller
glassblower locksmith miner lumberjack logger fisherman fisher angler hunter trapper farmer farmhand rancher cowboy cowgirl cowhand herder
herdsman shepherd gardener landscaper horticulturist florist beekeeper zookeeper handler breeder groomer farrier vendor seller salesman saleswoman
salesperson saleslady salesclerk shopkeeper storekeeper merchant trader dealer peddler hawker customer shopper buyer client patron consumer diner
eater drinker restaurateur chef cook baker butcher grocer waiter waitress waitstaff bartender barman barmaid barista caterer sommelier brewer
hairdresser hairstylist stylist barber beautician manicurist model fashionista actor actress comedian comic clown mime magician performer
entertainer celebrity artist sculptor illustrator cartoonist designer architect photographer cameraman camerawoman cinematographer videographer
director producer filmmaker journalist reporter newscaster broadcaster anchorman anchorwoman announcer commentator interviewer interviewee
columnist editor publisher writer author novelist poet playwright storyteller blogger vlogger musician guitarist bassist drummer pianist violinist
cellist flutist flautist saxophonist trumpeter trombonist harpist fiddler accordionist keyboardist singer vocalist rapper dj emcee busker composer
bandmate soloist chorister teacher educator professor lecturer principal headmaster dean scholar student pupil schoolboy schoolgirl schoolchild
schoolkid undergraduate graduate grad freshman sophomore kindergartner preschooler alumnus scientist researcher biologist chemist physicist
astronomer geologist mathematician historian archaeologist inventor programmer developer hacker gamer analyst consultant librarian politician
president senator congressman congresswoman mayor governor minister ambassador diplomat delegate councilman leader chairman chairwoman chairperson
chief chieftain king queen prince princess duke duchess lord knight emperor empress pharaoh royalty nobleman monarch dignitary lawyer attorney
judge juror witness criminal thief burglar robber prisoner inmate convict captive hostage suspect victim survivor casualty protester protestor
demonstrator activist marcher picketer rioter looter vandal volunteer helper beggar panhandler hobo tramp bum transient vagrant squatter junkie
smoker addict hipster hippie hippy punk goth nerd geek jock bully skinhead rocker raver partier priest pastor preacher reverend clergyman clergy
bishop archbishop cardinal pope rabbi imam monk nun friar deacon missionary pilgrim worshiper worshipper believer saint angel prophet guru
disciple apostle churchgoer shaman hero heroine superhero villain pirate witch wizard sorcerer viking samurai ninja geisha gladiator mermaid fairy
elf vampire zombie santa superman batman spiderman jesus buddha madonna caveman mascot mannequin doll barbie cosplayer reenactor impersonator
lookalike look-alike blonde blond brunette redhead beauty hunk babe sweetie cutie hottie stud member owner user operator creator organizer speaker
presenter listener reader reciter learner trainee sleeper dreamer thinker wearer crosser stander poser crewman crewmember audience mob multitude
public spectatorship clan tribe household squad platoon regiment battalion military infantry navy staff personnel workforce faculty jury committee
panelist choir orchestra quintet foursome threesome twosome bandleader bandsman troupe entourage congregation populace population society
community posse delegation clergywoman milkman mailman postman mailwoman mail-carrier courier messenger deliveryman garbageman newsboy paperboy
busboy cowpoke horseman horsewoman oarsman helmsman ferryman boatman lifeboatman coastguardsman frogman swordsman marksman guide usher scout
blader figure character picnicker vaulter thrower roper bandit outlaw thug hoodlum deckhand stagehand sidekick henchman puppeteer auctioneer
pioneer chaperone escort amputee nominee tribesman sultan sheikh maharaja paparazzi influencer youtuber kiddo spokesman window-washer
street-sweeper rock-star pop-star movie-star news-anchor drum-major first-lady cave-dweller city-dweller shop-assistant store-clerk flagman
torchbearer standard-bearer pallbearer ring-bearer bearer altar-boy au-pair kin crossdresser transvestite comrade fool official candidate
specialist sir slave murderer foe proprietor rebel halfback fullback representative martyr killer investigator voter follower peasant occupant
critic assassin tenant traitor prosecutor interpreter inspector guardian drunk coward spy playmate masseur masseuse maiden landlord landlady
offspring gangster mobster caretaker mourner mercenary genius newcomer outsider insider chambermaid commando bachelor bachelorette abbot damsel
dame dwarf bugler piper jester footballer kiddie sharpshooter gambler stonemason woodcarver engraver watchmaker shipbuilder homeowner homebuilder
homemaker storeowner schoolteacher schoolmaster ringmaster stationmaster shipmate soprano tenor baritone contralto dictator sheik earl baron
baroness countess czar tsar chancellor premier legislator lawmaker bureaucrat aristocrat chaplain vicar parson cleric gaucho gypsy millionaire
billionaire barrister chum crony beau belle captor centerfielder codger culprit drifter drover druggist eyewitness felon fugitive greeter healer
hillbilly housewife househusband hustler idiot loner madam madame navigator negotiator orator overseer pickpocket practitioner professional
prostitute prowler realtor redneck rogue ruffian scoundrel seafarer skipper sleepwalker sleuth socialite southpaw slugger squire starlet superstar
surveyor taxpayer tyke tycoon undertaker urchin vaquero victor voyager wanderer weakling wimp yuppie bambino clinician curator granddad grandad
grandkid patriarch matriarch postmaster slob swordfighter gunslinger homesteader settler colonist landowner crooner diva dropout dweller fella
hijacker kidnapper bobsledder sledder snowmobiler snowshoer unicyclist fortuneteller fortune-teller tour-guide train-conductor masquerader
merrymaker gatecrasher streaker nudist spearfisher reaper pruner arborist bellringer acolyte swordswoman negro matron mummy contractor supporter
coordinator advisor adviser intruder brute enthusiast philosopher collector mistress conqueror magistrate manservant governess crook gunner
gourmet darling associate smith republican democrat commoner contributor
""".split()
)
BODY = frozenset(
    """
face head hair eye ear nose nostril mouth lip tooth teeth tongue cheek chin jaw beard mustache moustache goatee sideburn stubble whisker
forehead eyebrow eyelash eyelid neck throat shoulder armpit arm forearm elbow wrist hand palm fist finger fingertip thumb nail fingernail knuckle
chest breast bosom cleavage back belly tummy stomach abdomen navel waist hip buttock butt crotch groin genitals leg thigh knee shin calf
ankle foot heel toe toenail limb skin flesh body torso lap skull muscle bicep biceps abs complexion ponytail pigtail dreadlock dreadlocks afro
mohawk hairdo hairstyle haircut freckle wrinkle scar tattoo dimple smile grin frown scowl smirk gaze brow forefinger testicle kneecap buttocks
midsection scalp eyeball pelvis cheekbone brain
""".split()
)
DEMONYMS = frozenset(
    """
american african african-american asian asian-american european australian canadian mexican brazilian british briton brit english englishman
englishwoman irish irishman scottish scot scotsman welsh welshman french frenchman frenchwoman german italian spanish spaniard portuguese dutch
dutchman belgian swiss austrian swede swedish norwegian finn finnish icelandic icelander russian ukrainian belarusian lithuanian latvian estonian
czech slovak slovenian hungarian romanian bulgarian serb serbian croat croatian bosnian albanian greek turk turkish arab arabian arabic egyptian
moroccan tunisian algerian libyan nigerian ghanaian kenyan ugandan tanzanian ethiopian somali sudanese senegalese congolese zulu maasai masai
south-african israeli palestinian jordanian lebanese syrian iraqi iranian persian afghan kuwaiti saudi yemeni indian pakistani bangladeshi nepali
nepalese tibetan bhutanese srilankan chinese japanese korean mongolian taiwanese vietnamese thai cambodian laotian burmese filipino filipina
indonesian malaysian malay singaporean polynesian hawaiian samoan maori aborigine aboriginal inuit eskimo caucasian hispanic latino latina latinx
chicano cuban puerto-rican dominican haitian jamaican caribbean colombian venezuelan peruvian chilean argentine argentinian bolivian ecuadorian
guatemalan californian texan yorker londoner parisian berliner roman venetian sioux apache cherokee navajo sicilian virginian floridian alaskan
javanese balinese burman georgian yankee southerner islander westerner easterner northerner middle-eastern amish mennonite mormon quaker christian
catholic protestant muslim moslem jew jewish hindu buddhist sikh rastafarian
""".split()
)
# Nouns of people in another use, as the first word of a compound ("passenger train") or with what stands before or
# after them.
HARMLESS_MODIFIERS = frozenset(
    """
public model king queen fan police guard passenger guest pilot host server pitcher runner player military general major private engineer navy
community beauty diner native local minor cardinal ranger pro character figure guide scout
""".split()
)
OBJECTS: dict[str, frozenset[str]] = {
    head: frozenset(words.split())
    for head, words in {
        "fan": "ceiling electric box floor desk table exhaust cooling pedestal window rotating standing metal hand",
        "player": "cd dvd record music mp3 media video tape cassette disc blu-ray mp4 vcr vinyl",
        "cleaner": "vacuum window pipe glass toilet oven carpet drain",
        "runner": "table carpet rug stair",
        "pitcher": "water milk glass cream juice lemonade beer tea ceramic plastic metal",
        "server": "computer web file cake pie",
        "guard": "mouth shin rail fire splash mud",
        "model": "scale train airplane plane car",
        "batter": "cake pancake cookie muffin brownie",
        "head": "shower bed arrow sprinkler cabbage",
        "hand": "clock",
        "face": "clock watch cliff rock mountain",
        "arm": "chair robot crane",
        "foot": "bed",
        "leg": "table chair piano bed",
        "body": "water",
        "nose": "airplane plane jet",
        "back": "chair seat bench",
        "eye": "stove",
        "neck": "bottle guitar",
        "mouth": "river cave bottle",
        "lip": "cup",
        "diner": "roadside",
        "chest": "treasure ice tool hope",
        "nail": "metal iron steel rusty",
        "palm": "potted",
        "calf": "cow elephant baby buffalo bison",
        "skin": "banana potato orange",
        "heel": "high",
        "band": "rubber hair wrist head arm elastic",
        "party": "birthday dinner tea cocktail",
        "class": "yoga art cooking",
        "figure": "stick",
        "shepherd": "german australian",
        "tot": "tater",
        "guide": "travel tv",
        "escort": "ford",
    }.items()
}
# And with what follows "of": "a chest of drawers".
OF_OBJECTS: dict[str, frozenset[str]] = {
    head: frozenset(words.split())
    for head, words in {
        "pitcher": "water milk juice beer lemonade tea wine",
        "chest": "drawer",
        "head": "lettuce cabbage broccoli cauliflower garlic",
        "body": "water",
        "face": "clock watch tower cliff",
        "arm": "chair couch sofa",
        "leg": "table chair lamb",
        "foot": "bed stair",
        "neck": "bottle",
        "nose": "plane airplane jet",
        "mouth": "cave river",
        "skin": "banana fruit",
    }.items()
}
# Of these, only what follows "of" tells whether they are people; alone those of the second set are.
COLLECTIVES = frozenset(
    """
group couple crowd bunch team pair line row number lot band crew family trio gang herd party mass horde sea throng swarm cluster gathering
assembly parade procession stream class array collection assortment variety huddle pack dozen hundred thousand load bus flock series circle set
quartet majority handful score legion army duo
""".split()
)
PEOPLE_ALONE = frozenset(
    """
group couple crowd team crew family trio gang band party throng gathering quartet duo class army huddle parade procession
""".split()
)
FIRST_NAMES = frozenset(
    """
James Robert John Michael David William Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Donald Steven Steve Andrew Paul Joshua
Kenneth Kevin Brian George Timothy Ronald Edward Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Benjamin
Samuel Gregory Alexander Patrick Frank Raymond Jack Dennis Jerry Tyler Aaron Jose Adam Nathan Henry Zachary Douglas Peter Kyle Noah Ethan Jeremy
Walter Keith Roger Terry Sean Gerald Carl Harold Dylan Arthur Lawrence Jesse Bryan Billy Bruce Gabriel Joe Alan Juan Albert Willie Elijah Wayne
Randy Vincent Roy Ralph Bobby Russell Philip Phil Eugene Liam Luke Lucas Oliver Leo Max Oscar Hugo Ivan Igor Hans Pierre Mary Patricia Jennifer
Linda Elizabeth Barbara Susan Jessica Karen Sarah Lisa Nancy Sandra Betty Ashley Emily Kimberly Margaret Donna Michelle Carol Amanda Melissa
Deborah Stephanie Rebecca Sharon Laura Cynthia Dorothy Amy Kathleen Shirley Emma Brenda Pamela Nicole Anna Samantha Katherine Christine Debra
Rachel Carolyn Janet Maria Olivia Heather Helen Catherine Diane Julie Victoria Joyce Lauren Kelly Christina Ruth Joan Judith Evelyn Hannah Andrea
Megan Cheryl Jacqueline Teresa Abigail Sophia Martha Sara Gloria Janice Kathryn Ann Isabella Judy Charlotte Julia Alice Denise Frances Danielle
Marilyn Natalie Beverly Diana Brittany Theresa Kayla Alexis Doris Lori Tiffany Lucy Molly Chloe Zoe Ella Mia Barack Obama Hillary Clinton Trump
Biden Reagan Kennedy Elvis Einstein Madonna Beyonce Oprah Federer Nadal Serena Mike Dave Tom Bob Jim Bill Dan Matt Tim Ben Sam Chris Alex Nick
Tony Greg Jeff Ed Ted Fred Ron Ken Kate Katie Sue Jane Jill Ellen Rita Tina Mohamed Mohammed Muhammad Ahmed Ali Omar Hassan Fatima Aisha Wei Li
Ming Chen Yuki Hiroshi Kenji Priya Raj Ravi Arjun Carlos Luis Miguel Pedro Pablo Diego Sofia Carmen Rosa Lucia Elena Olga Natasha Dmitri Boris
Sven Lars Ingrid Astrid Giovanni Marco Luca Giulia Francesca Mickey Minnie Simpson
""".split()
)
ENDINGS = (
    "man",
    "men",
    "woman",
    "women",
    "boy",
    "girl",
    "person",
    "people",
    "boarder",
    "keeper",
    "player",
    "child",
    "children",
    "lady",
    "ographer",
    "ologist",
    "rider",
    "worker",
    "dancer",
    "skater",
    "surfer",
    "writer",
    "goer",
    "teacher",
    "owner",
    "smith",
    "ician",
    "arian",
    "monger",
    "master",
    "eteer",
)
# Ending like people, but none.
NOT_PEOPLE = frozenset(
    """
snowman doberman walkman ottoman talisman caiman roman checklist playlist wishlist shortlist blacklist amethyst exist assist twist remaster
""".split()
)
