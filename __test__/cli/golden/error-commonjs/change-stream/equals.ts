const topic = 'equals'
export = topic
